"""YAML is read within limits: its file, its depth, and what its aliases stand for."""

import os

import pytest

from ops.errors import InvalidSpec, NotFound
from ops.yaml_file import parse_any, parse_yaml, read_yaml


def bomb(levels):
    """Each level holds the one before it nine times: 9 ** levels values."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines)


def refusal(text):
    with pytest.raises(InvalidSpec) as refused:
        parse_yaml(text, "blue.yaml")
    (problem,) = refused.value.problems
    return problem


@pytest.mark.parametrize("levels", [6, 10, 300])
def test_an_alias_bomb_is_refused_before_it_is_built(levels):
    assert "its aliases stand for more than 10,000 values" in refusal(bomb(levels))


def test_aliases_of_a_usual_size_are_taken():
    text = "base: &base {cpu: 1, memory: 2}\nblue: *base\ngreen: {<<: *base, cpu: 3}\n"

    assert parse_yaml(text, "")["green"] == {"cpu": 3, "memory": 2}


def test_what_contains_itself_is_refused():
    assert refusal("a: &a [1, *a]") == "blue.yaml: line 1: *a contains itself"
    assert "contains itself" in refusal("a: &a\n  b: {c: *a}")


@pytest.mark.parametrize("text", ["[" * 5000, "a: " + "{a: " * 5000, "- " * 100_000])
def test_what_nests_too_deep_is_refused(text):
    assert "line 1: nests deeper than 100 levels" in refusal(text)


def test_a_hundred_levels_are_taken():
    assert parse_any("[" * 100 + "]" * 100, "")


def test_a_text_over_the_limit_is_refused_unread():
    assert "4 MB, as Azure takes no larger request" in refusal("a: " + "b" * 2**23)


@pytest.fixture
def odd_file(tmp_path):
    """Makes a file that is no regular one."""

    def make(kind):
        path = tmp_path / "blue.yaml"
        match kind:
            case "a FIFO":
                os.mkfifo(path)
            case "a folder":
                path.mkdir()
            case "a device or socket":
                path.symlink_to("/dev/zero")
        return path

    return make


@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a device or socket"])
def test_what_is_no_regular_file_is_never_opened(odd_file, kind):
    with pytest.raises(InvalidSpec, match=f"is {kind}, no file"):
        read_yaml(odd_file(kind))


def test_a_large_file_is_refused_by_its_size(tmp_path):
    path = tmp_path / "tags.yaml"
    path.write_text("tags:\n" + "".join(f"  k{n}: v{n}\n" for n in range(500_000)))

    with pytest.raises(InvalidSpec, match=r"tags\.yaml: has .* MB; a file may have 4"):
        read_yaml(path)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="does not exist"):
        read_yaml(tmp_path / "blue.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    path = tmp_path / "blue.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: blue\r\n")

    assert read_yaml(path) == {"name": "blue"}


def test_a_problem_never_fills_the_screen():
    error = InvalidSpec([f"blue.yaml: tags: {'x' * 50_000} is wrong"])

    assert len(str(error)) < 2200
    assert str(error).startswith("1 problem in the specs:\n  - blue.yaml: tags: xxx")
    assert "characters] xxx" in str(error)
    assert str(error).endswith("is wrong")
