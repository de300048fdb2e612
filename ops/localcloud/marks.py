"""The environment variables that mark a process as one of a state directory."""

STATE_MARK = "LOCALCLOUD_STATE"
NAME_MARK = "LOCALCLOUD_PROCESS"
LISTENER, GATEWAY = "gateway-listener", "gateway"
