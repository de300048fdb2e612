"""Who can reach a scoring instance, and what is left of one that is gone."""

import os
import socket
import threading

import pytest

from ops.localcloud import sockets


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sockets, "folder", lambda: tmp_path / "mine")


def answer(listener):
    with listener.accept()[0] as connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


def test_what_listens_is_reached_by_its_number():
    with sockets.listen() as listener:
        number = sockets.number_of(listener)
        server = threading.Thread(target=answer, args=(listener,))
        server.start()
        connection = sockets.Connection(number, 10)
        connection.request("GET", "/")
        said = connection.getresponse().read()
        connection.close()
        server.join()

    assert said == b"hi"
    assert number >= sockets.FIRST


def test_the_folder_is_for_this_user_alone():
    with sockets.listen() as listener:
        assert sockets.path(sockets.number_of(listener)).parent == sockets.folder()

    assert sockets.folder().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_can_reach_is_not_listened_in(mode):
    sockets.folder().mkdir()
    os.chmod(sockets.folder(), mode)

    with pytest.raises(PermissionError, match="of this user alone"):
        sockets.listen()


def test_a_link_in_the_folder_s_place_is_not_followed(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o700)
    sockets.folder().symlink_to(tmp_path / "theirs")

    with pytest.raises(PermissionError):
        sockets.listen()


def test_the_file_of_an_instance_that_is_gone_goes_with_it():
    with sockets.listen() as listener:
        number = sockets.number_of(listener)

    sockets.remove(number)
    sockets.remove(number)
    sockets.remove(None)

    assert not sockets.path(number).exists()


def test_a_low_number_is_a_port_of_the_loopback():
    assert sockets.address(31001) == (socket.AF_INET, ("127.0.0.1", 31001))
