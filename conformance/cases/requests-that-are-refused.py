"""What kmsd does not let in: wrong signatures, unknown keys, wrong clocks, nonsense."""

import datetime
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from unittest import mock

import boto3
import botocore.auth
import botocore.config
from botocore.exceptions import ClientError

from case import finish, it

folder = tempfile.TemporaryDirectory(prefix="strongroom.")
home = os.path.join(folder.name, "home")
log = open(os.path.join(folder.name, "kmsd.log"), "w+", encoding="utf-8")
kmsd = subprocess.Popen(
    [os.path.join(os.environ["CONFORMANCE_BIN"], "kmsd"), "quickstart", "--home", home, "--listen", "127.0.0.1:0"],
    stdout=log,
    stderr=subprocess.STDOUT,
)
deadline = time.monotonic() + 60
while not os.path.exists(os.path.join(home, "quickstart.env")):
    if time.monotonic() > deadline or kmsd.poll() is not None:
        log.seek(0)
        sys.exit("kmsd does not start: " + log.read())
    time.sleep(0.1)
settings = dict(
    line.rstrip("\n").replace("'", "").split("=", 1)
    for line in open(os.path.join(home, "quickstart.env"), encoding="utf-8")
    if "=" in line and not line.startswith("#")
)
endpoint, key = settings["AWS_ENDPOINT_URL"], settings["STRONGROOM_KEY_ARN"]


def client(service="kms", **changes):
    chosen = {
        "endpoint_url": endpoint,
        "region_name": settings["AWS_REGION"],
        "aws_access_key_id": settings["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": settings["AWS_SECRET_ACCESS_KEY"],
        "config": botocore.config.Config(retries={"total_max_attempts": 1}),
    }
    return boto3.client(service, **{**chosen, **changes})


def refused(call, *codes):
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in codes, f"{code}: {error}"
        return error
    raise AssertionError("was not refused")


def raw(body, target="TrentService.ListKeys", **headers):
    request = urllib.request.Request(endpoint + "/", data=body, method="POST")
    request.add_header("Content-Type", "application/x-amz-json-1.1")
    if target:
        request.add_header("X-Amz-Target", target)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


kms = client()

with it("boto3 encrypts and decrypts"):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"attack at dawn", EncryptionContext={"page": "one"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"page": "one"})["Plaintext"] == b"attack at dawn"

with it("a wrong secret is a wrong signature"):
    refused(client(aws_secret_access_key="wrong" * 8).list_keys, "InvalidSignatureException", "SignatureDoesNotMatch")

with it("an unknown access key is refused"):
    refused(client(aws_access_key_id="AKIAUNKNOWNUNKNOWN12").list_keys, "UnrecognizedClientException", "InvalidClientTokenId")

with it("a clock that is off by more than 15 minutes is refused, one by 14 is not"):
    for minutes, wrong in [(-16, True), (16, True), (14, False), (-14, False)]:
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
        with mock.patch("botocore.auth.get_current_datetime", return_value=now.replace(tzinfo=None)):
            if wrong:
                refused(client().list_keys, "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired")
            else:
                client().list_keys()

with it("a request for another region or service is refused"):
    refused(client(region_name="eu-west-3").list_keys, "InvalidSignatureException", "SignatureDoesNotMatch")

with it("a request without a signature is refused"):
    status, answer = raw(b"{}")
    assert status in (400, 403) and "AuthenticationToken" in answer["__type"], (status, answer)

with it("a body that was changed on its way is refused"):
    original = botocore.auth.SigV4Auth.add_auth

    def tampering(self, request):
        original(self, request)
        request.data = request.data.replace(b"one", b"two")

    with mock.patch("botocore.auth.SigV4Auth.add_auth", tampering):
        refused(
            lambda: client().encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"page": "one"}),
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
        )

with it("nonsense is answered with an error of AWS's, and the server goes on"):
    for body, target in [
        (b"", "TrentService.ListKeys"),
        (b"{", "TrentService.ListKeys"),
        (b"[1]", "TrentService.ListKeys"),
        (b"\xff" * 100, "TrentService.ListKeys"),
        (b"{}", "TrentService.NoSuchOperation"),
        (b"{}", "NoSuchService.ListKeys"),
        (b"{}", None),
        (b"{" * 100_000, "TrentService.Encrypt"),
    ]:
        status, answer = raw(body, target)
        assert 400 <= status < 500 and "__type" in answer, (body[:20], target, status, answer)
    kms.list_keys()

with it("bytes that are no HTTP, and connections that say nothing, do no harm"):
    host, port = endpoint.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(50)]
    for one in silent[:25]:
        one.sendall(os.urandom(200))
    kms.list_keys()
    for one in silent:
        one.close()

with it("a body that is too large is refused"):
    refused(lambda: kms.encrypt(KeyId=key, Plaintext=b"x" * 4097), "ValidationException")
    try:
        status, _ = raw(b'{"a": "' + b"x" * 20_000_000 + b'"}')
        assert status in (400, 403, 413), status
    except (urllib.error.URLError, ConnectionError) as error:
        # It may stop reading, and hang up, before all is sent; only what fails as it is sent is a URLError. An end
        # without an answer where all was read is none of that, and a ConnectionResetError by its class.
        reason = getattr(error, "reason", error)
        assert isinstance(reason, (BrokenPipeError, ConnectionResetError)), error
        assert not isinstance(reason, http.client.RemoteDisconnected), error
    kms.list_keys()

with it("values that are out of range are refused with what is wrong"):
    refused(lambda: kms.generate_random(NumberOfBytes=1025), "ValidationException")
    refused(lambda: kms.describe_key(KeyId="arn:aws:kms:nonsense"), "InvalidArnException", "NotFoundException", "ValidationException")
    refused(lambda: kms.describe_key(KeyId="1234abcd-12ab-34cd-56ef-1234567890ab"), "NotFoundException")
    refused(lambda: kms.describe_custom_key_stores(CustomKeyStoreId="cks-1234567890abcdef0"), "CustomKeyStoreNotFoundException")
    refused(lambda: kms.decrypt(CiphertextBlob=os.urandom(100)), "InvalidCiphertextException")
    refused(
        lambda: kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId="cks-1234567890abcdef0"), "CustomKeyStoreNotFoundException"
    )

with it("the CloudHSM API names what does not exist"):
    hsm = client("cloudhsmv2")
    refused(lambda: hsm.create_hsm(ClusterId="cluster-abcdefghijk", AvailabilityZone="us-east-1a"), "CloudHsmResourceNotFoundException")
    refused(lambda: hsm.delete_cluster(ClusterId="cluster-abcdefghijk"), "CloudHsmResourceNotFoundException")
    assert client("cloudhsmv2").describe_clusters()["Clusters"][0]["State"] == "ACTIVE"

with it("a deleted access key is refused at once"):
    made = subprocess.run(
        [os.path.join(os.environ["CONFORMANCE_BIN"], "kmsd"), "credentials", "create", "--home", home, "--user-name", "second"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    second = dict(line.replace("export ", "").replace("'", "").split("=", 1) for line in made.splitlines() if "AWS_" in line)
    other = client(aws_access_key_id=second["AWS_ACCESS_KEY_ID"], aws_secret_access_key=second["AWS_SECRET_ACCESS_KEY"])
    other.list_keys()
    subprocess.run(
        [
            os.path.join(os.environ["CONFORMANCE_BIN"], "kmsd"),
            "credentials",
            "delete",
            "--home",
            home,
            "--access-key-id",
            second["AWS_ACCESS_KEY_ID"],
        ],
        check=True,
        capture_output=True,
    )
    refused(other.list_keys, "UnrecognizedClientException", "InvalidClientTokenId")

with it("no secret stands in the logs"):
    texts = [open(os.path.join(folder.name, "kmsd.log"), encoding="utf-8").read()]
    for place, _, files in os.walk(os.path.join(home, "kmsd", "events")):
        texts += [open(os.path.join(place, name), encoding="utf-8").read() for name in files]
    joined = "\n".join(texts)
    assert "Encrypt" in joined, "the event log is empty"
    assert settings["AWS_SECRET_ACCESS_KEY"] not in joined
    assert "attack at dawn" not in joined and "YXR0YWNrIGF0" not in joined

with it("kmsd ends in order"):
    kmsd.send_signal(signal.SIGTERM)
    assert kmsd.wait(30) == 0

finish()
