"""The data plane: takes scoring requests and gives each to one scoring instance.

A process of its own, so that scoring goes on while the control plane is down. It is
told what to do by one file, `gateway/routes.json`, and tells what it did by another,
`gateway/traffic.jsonl`. `python -m ops.localcloud.gateway --state DIR` starts it.
"""
