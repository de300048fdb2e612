"""Blob storage over HTTPS: signatures, conditions, blocks, ranges, listings."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode
from xml.etree import ElementTree

import pytest
from cloud_rig import Cloud

BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}


class Container:
    """One upload's container, spoken to with its own signature and nothing else."""

    def __init__(self, cloud):
        reply = cloud.call("POST", "codes/any/versions/1/startPendingUpload", {})
        found = reply.body["blobReferenceForConsumption"]["credential"]["sasUri"]
        path, _, self.signature = found.removeprefix(cloud.url).partition("?")
        self.cloud, self.path = cloud, path

    def __call__(self, method, name="", content=None, headers=None, **query):
        path = f"{self.path}/{quote(name)}".rstrip("/")
        asked = f"{urlencode(query)}&{self.signature}"
        return self.cloud.call(
            method, f"{path}?{asked}", content, headers=headers, token=""
        )

    def put(self, name, content, **headers):
        return self("PUT", name, content, BLOCK_BLOB | headers)

    def listed(self, **query):
        reply = self("GET", restype="container", comp="list", **query)
        return ElementTree.fromstring(reply.content)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    cloud = Cloud(tmp_path_factory.mktemp("blobs") / "state")
    try:
        yield cloud.up()
    finally:
        cloud.down()


@pytest.fixture
def container(cloud):
    return Container(cloud)


def code_of(reply):
    error = ElementTree.fromstring(reply.content)
    assert reply.headers["x-ms-error-code"] == error.findtext("Code")
    return reply.status, error.findtext("Code")


def names(listing):
    return [each.text for each in listing.iter("Name")]


def block(number):
    return base64.b64encode(f"block-{number:04}".encode()).decode()


def block_list(*ids):
    return "".join(
        ["<BlockList>", *(f"<Latest>{i}</Latest>" for i in ids), "</BlockList>"]
    )


def test_a_blob_comes_back_with_its_facts(container):
    put = container.put("a/b c+ü.txt", b"hello", **{"x-ms-meta-name": "iris"})

    head = container("HEAD", "a/b c+ü.txt")
    got = container("GET", "a/b c+ü.txt")

    assert put.status == 201
    assert got.content == b"hello"
    assert head.headers["content-length"] == "5"
    assert head.headers["x-ms-meta-name"] == "iris"
    assert head.headers["etag"] == put.headers["etag"]
    digest = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    assert head.headers["content-md5"] == digest


def test_a_missing_blob_is_not_found(container):
    assert code_of(container("GET", "none")) == (404, "BlobNotFound")
    assert container("HEAD", "none").headers["x-ms-error-code"] == "BlobNotFound"


def test_without_a_valid_signature_nothing_is_served(container):
    container.put("secret", b"1")
    other = Container(container.cloud).signature
    fields = dict(parse_qsl(container.signature))
    longer = datetime.now(UTC) + timedelta(days=365)
    forged = urlencode({**fields, "se": longer.strftime("%Y-%m-%dT%H:%M:%SZ")})

    for signature in ("", other, forged, "sig=Ü", "se=now&sig="):
        path = f"{container.path}/secret?{quote(signature, safe='=&%')}"
        reply = container.cloud.call("GET", path)

        assert code_of(reply) == (403, "AuthenticationFailed")


def test_a_blob_is_not_written_twice_by_mistake(container):
    container.put("once", b"first")

    again = container.put("once", b"second", **{"If-None-Match": "*"})

    assert code_of(again) == (409, "BlobAlreadyExists")
    assert container("GET", "once").content == b"first"


def test_content_that_arrives_damaged_is_refused(container):
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()

    reply = container.put("damaged", b"this", **{"Content-MD5": wrong})

    assert code_of(reply) == (400, "Md5Mismatch")
    assert container("HEAD", "damaged").status == 404


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("bytes=0-3", b"0123"),
        ("bytes=4-", b"456789"),
        ("bytes=8-33554431", b"89"),
    ],
)
def test_a_range_is_a_part(container, asked, found):
    container.put("digits", b"0123456789")

    reply = container("GET", "digits", headers={"x-ms-range": asked})

    assert (reply.status, reply.content) == (206, found)
    assert reply.headers["content-range"].endswith("/10")


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=5-2", "bytes=-3", "lines=1-2"])
def test_a_range_that_is_none_is_refused(container, asked):
    container.put("digits", b"0123456789")

    reply = container("GET", "digits", headers={"x-ms-range": asked})

    assert code_of(reply) == (416, "InvalidRange")


def test_blocks_become_a_blob_when_they_are_listed(container):
    for number in (1, 0, 2):
        query = {"comp": "block", "blockid": block(number)}
        assert container("PUT", "large", b"%d" % number * 3, **query).status == 201
    assert container("HEAD", "large").status == 404

    content = block_list(block(0), block(1), block(2))
    reply = container("PUT", "large", content.encode(), comp="blocklist")

    assert reply.status == 201
    assert container("GET", "large").content == b"000111222"


def test_staged_blocks_survive_a_killed_control_plane(cloud):
    container = Container(cloud)
    container("PUT", "kept", b"staged", comp="block", blockid=block(0))
    cloud.kill()
    cloud.up()

    content = block_list(block(0)).encode()
    assert container("PUT", "kept", content, comp="blocklist").status == 201
    assert container("GET", "kept").content == b"staged"


def test_a_block_that_was_never_staged_is_refused(container):
    content = block_list(block(7)).encode()

    reply = container("PUT", "gap", content, comp="blocklist")

    assert code_of(reply) == (400, "InvalidBlockList")


@pytest.mark.parametrize(
    "content", [b"<BlockList>", b"", b'<!DOCTYPE a [<!ENTITY b "c">]><BlockList/>']
)
def test_a_block_list_that_is_no_xml_is_refused(container, content):
    reply = container("PUT", "xml", content, comp="blocklist")

    assert code_of(reply) == (400, "InvalidXmlDocument")


@pytest.mark.parametrize("id_", ["", "no base64", "../../etc"])
def test_a_block_id_is_base64(container, id_):
    reply = container("PUT", "ids", b"1", comp="block", blockid=id_)

    assert code_of(reply) == (400, "InvalidQueryParameterValue")


def test_metadata_can_be_replaced(container):
    container.put("tagged", b"1", **{"x-ms-meta-old": "1"})

    headers = {"x-ms-meta-upload_status": "completed"}
    container("PUT", "tagged", headers=headers, comp="metadata")

    found = container("GET", "tagged", comp="metadata")
    meta = {k: v for k, v in found.headers.items() if k.startswith("x-ms-meta")}
    assert meta == headers
    assert found.content == b""


def test_a_listing_has_prefixes_pages_and_metadata(container):
    for name in ("a/1", "a/2", "a/b/3", "a/b/4", "c"):
        container.put(name, b"1", **{"x-ms-meta-k": "<&>"})

    first = container.listed(maxresults=3)
    second = container.listed(maxresults=3, marker=first.findtext("NextMarker"))

    assert names(first) + names(second) == ["a/1", "a/2", "a/b/3", "a/b/4", "c"]
    assert second.findtext("NextMarker") == ""
    assert names(container.listed(prefix="a/b")) == ["a/b/3", "a/b/4"]
    assert names(container.listed(prefix="a/", delimiter="/")) == ["a/1", "a/2", "a/b/"]
    detailed = container.listed(prefix="c", include="metadata")
    assert detailed.findtext(".//Metadata/k") == "<&>"


@pytest.mark.parametrize("value", ["\xff\xfe", "\xef\xbf\xbe"], ids=["bytes", "no XML"])
@pytest.mark.parametrize("header", ["x-ms-meta-k", "Content-Type"])
def test_a_header_that_could_not_be_given_back_is_refused(container, header, value):
    container.put("odd", b"1")

    refused = container.put("odd", b"2", **{header: value})

    assert code_of(refused) == (400, "InvalidHeaderValue")
    assert names(container.listed(include="metadata")) == ["odd"]
    assert container("GET", "odd").content == b"1"


def test_a_name_that_xml_has_no_place_for_is_listed_encoded(container):
    container.put("odd\ufffe", b"1")

    (name,) = container.listed().iter("Name")

    assert (name.text, name.attrib) == ("odd%EF%BF%BE", {"Encoded": "true"})


def test_a_deleted_blob_is_gone(container):
    container.put("gone", b"1")

    assert container("DELETE", "gone").status == 202
    assert container("HEAD", "gone").status == 404


def test_what_is_not_spoken_is_refused_by_name(container):
    container.put("plain", b"1")

    for method, query in (
        ("PUT", {"comp": "snapshot"}),
        ("PUT", {"comp": "appendblock"}),
        ("GET", {"comp": "blocklist"}),
    ):
        assert code_of(container(method, "plain", **query)) == (501, "NotImplemented")
    reply = container("PUT", "page", b"", {"x-ms-blob-type": "PageBlob"})
    assert code_of(reply) == (501, "NotImplemented")


def test_no_blob_name_reaches_outside_the_store(container, cloud):
    evil = b"what no other file holds"

    container.put("../../../evil", evil)
    container.put("/etc/evil", evil)

    blobs = cloud.directory / "blobs"
    held = [path for path in blobs.iterdir() if holds(path, evil)]
    assert len(held) == 2
    assert not [p for p in cloud.directory.parent.iterdir() if holds(p, evil)]
    assert not [p for p in cloud.directory.iterdir() if holds(p, evil)]


def holds(path, content):
    return path.is_file() and path.read_bytes() == content


def test_an_upload_that_is_cut_off_leaves_nothing(container, cloud):
    headers = {**BLOCK_BLOB, "Content-Length": "1000"}
    with pytest.raises(OSError, match="closed by us"):
        container("PUT", "cut", cut_off(), headers)

    assert container("HEAD", "cut").status == 404


def cut_off():
    yield b"some"
    raise OSError("closed by us")
