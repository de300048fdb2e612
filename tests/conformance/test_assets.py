"""Models and environments through the SDK: upload, versions, labels, archive."""

import hashlib

import pytest
from azure.ai.ml.entities import BuildContext, Environment, Model
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from sdk import SERVER, conda_of


def folder_of(path, **files):
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def test_a_model_file_comes_back_as_it_was(ml, model, tmp_path):
    found = ml.models.get("tiny", version="1")
    ml.models.download("tiny", version="1", download_path=tmp_path)

    (file,) = tmp_path.rglob("weights.json")
    assert file.read_text() == '{"weights": [1, 2, 3]}'
    assert found.path.endswith("/weights.json")
    assert found.creation_context.created_at


def test_a_model_folder_comes_back_whole(ml, tmp_path):
    folder = folder_of(tmp_path / "net", a="1", b="2")
    (folder / "deep").mkdir()
    (folder / "deep" / "c").write_text("3")
    ml.models.create_or_update(Model(name="folder", version="1", path=folder))

    ml.models.download("folder", version="1", download_path=tmp_path / "back")

    found = {p.name: p.read_text() for p in (tmp_path / "back").rglob("?")}
    assert found == {"a": "1", "b": "2", "c": "3"}


def test_a_model_of_many_blocks_comes_back_whole(ml, tmp_path):
    file = tmp_path / "large.bin"
    block = hashlib.sha256(b"block").digest() * 32768
    with file.open("wb") as stream:
        for number in range(70):
            stream.write(number.to_bytes(8, "big") + block[8:])
    ml.models.create_or_update(Model(name="large", version="1", path=file))

    ml.models.download("large", version="1", download_path=tmp_path / "back")

    (back,) = (tmp_path / "back").rglob("large.bin")
    with back.open("rb") as got, file.open("rb") as sent:
        digests = [
            hashlib.file_digest(stream, "md5").digest() for stream in (got, sent)
        ]
    assert digests[0] == digests[1]


def test_the_same_content_is_not_uploaded_twice(ml, cloud, tmp_path):
    folder = folder_of(tmp_path / "same", a="the same")
    first = ml.models.create_or_update(Model(name="same", version="1", path=folder))
    before = sorted((cloud.directory / "blobs").iterdir())

    again = ml.models.create_or_update(Model(name="same", version="1", path=folder))

    assert again.id == first.id
    assert sorted((cloud.directory / "blobs").iterdir()) == before


def test_versions_count_up_and_the_latest_is_the_newest(ml, tmp_path):
    for number in ("one", "two", "three"):
        folder = folder_of(tmp_path / number, content=number)
        ml.models.create_or_update(Model(name="counted", path=folder))

    versions = [each.version for each in ml.models.list(name="counted")]
    latest = ml.models.get("counted", label="latest")

    assert versions == ["3", "2", "1"]
    assert latest.version == "3"


def test_a_version_keeps_its_content(ml, model, tmp_path):
    other = tmp_path / "other.json"
    other.write_text("{}")

    with pytest.raises(HttpResponseError, match="Asset paths cannot be updated"):
        ml.models.create_or_update(Model(name="tiny", version="1", path=other))

    assert ml.models.get("tiny", version="1").path == model.path


def test_tags_of_a_version_can_change(ml, tmp_path):
    folder = folder_of(tmp_path / "tagged", a="tagged")
    model = Model(name="tagged", version="1", path=folder, tags={"stage": "dev"})
    found = ml.models.create_or_update(model)

    found.tags = {"stage": "prod"}
    ml.models.create_or_update(found)

    assert ml.models.get("tagged", version="1").tags == {"stage": "prod"}


@pytest.mark.parametrize("whole", [True, False], ids=["container", "version"])
def test_what_is_archived_is_listed_only_on_request(ml, tmp_path, whole):
    from azure.ai.ml.constants import ListViewType

    name = f"archived-{whole}"
    folder = folder_of(tmp_path / "archived", a=name)
    ml.models.create_or_update(Model(name=name, version="1", path=folder))
    which = {"name": name} if whole else {"name": name, "version": "1"}

    def listed(view=ListViewType.ACTIVE_ONLY):
        below = {} if whole else {"name": name}
        return [m.name for m in ml.models.list(list_view_type=view, **below)]

    ml.models.archive(**which)
    assert name not in listed()
    assert name in listed(ListViewType.ARCHIVED_ONLY)

    ml.models.restore(**which)
    assert name in listed()


def test_a_missing_model_is_not_found(ml):
    with pytest.raises(ResourceNotFoundError) as raised:
        ml.models.get("nobody", version="1")

    assert raised.value.error.code == "UserError"
    assert raised.value.error.details[0].code == "ModelNotFound"


def test_an_environment_keeps_its_conda_file(ml, environment):
    found = ml.environments.get("server", version="1")

    assert found.image == environment.image
    assert found.conda_file == conda_of(SERVER)
    assert ml.environments.get("server", label="latest").version == "1"


def test_an_environment_can_be_a_build_context(ml, tmp_path):
    folder = folder_of(tmp_path / "context", Dockerfile="FROM scratch\n")
    context = Environment(name="built", version="1", build=BuildContext(path=folder))
    ml.environments.create_or_update(context)

    found = ml.environments.get("built", version="1")

    assert found.build.path.startswith("https://127.0.0.1:")
    assert "azureml-blobstore-" in found.build.path


def test_an_environment_does_not_change(ml, environment):
    changed = Environment(
        name="server",
        version="1",
        image=environment.image,
        conda_file=conda_of("numpy"),
    )

    with pytest.raises(HttpResponseError, match="register a new version"):
        ml.environments.create_or_update(changed)


def test_environments_are_listed_and_archived(ml):
    for version in ("1", "2"):
        ml.environments.create_or_update(
            Environment(name="listed", version=version, image=f"image:{version}")
        )

    ml.environments.archive("listed", version="1")

    assert [each.version for each in ml.environments.list(name="listed")] == ["2"]
    assert "listed" in [each.name for each in ml.environments.list()]


def test_a_long_list_comes_in_pages(ml, cloud):
    for number in range(1, 121):
        cloud.call(
            "PUT",
            f"environments/paged/versions/{number}",
            {"properties": {"image": "image"}},
        )

    versions = [int(each.version) for each in ml.environments.list(name="paged")]

    assert versions == list(range(120, 0, -1))
