"""What tests of the search share: the environment is theirs, and is put back."""


def here(monkeypatch):
    """Operators change these as they take turns."""
    for name in ("LOGNAME", "AML_OPS_STATE"):
        monkeypatch.setenv(name, "")
