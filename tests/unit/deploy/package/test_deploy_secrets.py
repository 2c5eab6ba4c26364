"""What must not be packed, told by name and by content."""

import pytest

from deploy.package.secrets import kind

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
AT = "https://bob:hunter2@pypi.example.com"
PEM = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        pytest.param("prod.env", "", "environment variables", id="environment"),
        pytest.param("conf/.env.prod", "", "environment variables", id="hidden environment"),
        pytest.param(".netrc", "", "netrc", id="netrc"),
        pytest.param("application_default_credentials.json", "{}", "credentials", id="credentials of Google's CLI"),
        pytest.param("conf/credentials.toml", "", "credentials by its name", id="credentials in TOML"),
        pytest.param("secrets.ini", "", "secrets by its name", id="secrets in INI"),
        pytest.param("prod.auto.tfvars.json", "{}", "variables of Terraform", id="variables of Terraform in JSON"),
        pytest.param("team.kdbx", "", "a key store (KeePass)", id="KeePass"),
        pytest.param("http.keytab", "", "a key store (Kerberos)", id="Kerberos"),
        pytest.param(".aws/credentials", "", "AWS", id="credentials of AWS"),
        pytest.param("a/.kube/config", "", "Kubernetes", id="kubeconfig by its place"),
        pytest.param("keys/jwt-private.pem", PEM, "a private key", id="PEM"),
        pytest.param("notes.txt", PEM.replace("PRIVATE", "RSA PRIVATE"), "a private key", id="RSA in any file"),
        pytest.param("x", PEM.replace("PRIVATE", "OPENSSH PRIVATE"), "a private key", id="OpenSSH"),
        pytest.param("sa.json", PEM.replace("\n", "\\n"), "a private key", id="service account in JSON"),
        pytest.param("key.py", f'KEY = """{PEM}"""', "a private key", id="key in code"),
        pytest.param("k.py", f'("-----BEGIN EC PRIVATE KEY-----\\n"\n "{BODY}")', "a private key", id="in pieces"),
        pytest.param("jwks.json", f'{{"keys": [{{"d": "{BODY}", "kty": "EC"}}]}}', "a private key (JWK)", id="JWK"),
        pytest.param("k.py", f"KEY = {{'kty': 'oct',\n 'k': '{BODY}'}}", "a private key (JWK)", id="symmetric JWK"),
        pytest.param("id_ed25519", "", "a private key", id="name of ssh"),
        pytest.param("store.p12", "", "PKCS", id="PKCS 12"),
        pytest.param("store.jks", "", "Java", id="Java"),
        pytest.param("terraform.tfstate", "", "Terraform", id="Terraform"),
        pytest.param("a.ini", "aws_secret_access_key = " + "a1B2" * 10, "AWS", id="AWS key"),
        pytest.param("a.json", '{"SecretAccessKey": "' + "a1B2" * 10 + '"}', "AWS", id="AWS key in JSON"),
        pytest.param("conf", f"user:\n  client-key-data: {BODY}", "Kubernetes", id="kubeconfig"),
        pytest.param("deps/prod.txt", f"--extra-index-url {AT}/simple", "for packages", id="index of pip"),
        pytest.param("prod.txt", f"six\n-i {AT}/simple", "for packages", id="index of pip in short"),
        pytest.param("conf", f"find-links={AT}/simple", "for packages", id="links of pip"),
        pytest.param("setup.cfg", f'index_url = "{AT}/simple"', "for packages", id="index of setuptools"),
        pytest.param("base.txt", f"a==1\nlib[x] @ {AT}/lib.whl", "for packages", id="address of a package"),
        pytest.param("base.txt", f"git+{AT}/lib.git@main", "for packages", id="repository"),
        pytest.param("base.txt", f"git+https://{BODY}@x.com/lib.git", "for packages", id="repository, by a token"),
        pytest.param("state", "SQLite format 3\0...", "SQLite", id="SQLite"),
        pytest.param("state", "streamer-dynamodb 1", "state of the emulator", id="the emulator"),
    ],
)  # fmt: skip
def test_a_file_with_a_secret_is_known(path: str, content: str, expected: str) -> None:
    assert expected in str(kind(path, content.encode()))


@pytest.mark.parametrize("content", [b"\xfe\xed\xfe\xed\0\0\0\2", b"\xce\xce\xce\xce\0\0\0\2"], ids=["JKS", "JCEKS"])
def test_a_key_store_of_java_is_known_by_its_content(content: bytes) -> None:
    assert kind("store", content) == "a key store (Java)"


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.local", ".ENV", ".envrc", "a/prod.env", ".netrc", "_netrc", ".pypirc", ".npmrc", ".yarnrc.yml"),
        *(
            ".dockercfg",
            ".dockerconfigjson",
            ".git-credentials",
            ".pgpass",
            ".boto",
            "credentials",
            "google-credentials.json",
        ),
        *("credentials.ini", "credentials.toml", "credentials.yml", "credentials.yaml", "client_secret_1.json"),
        *("secrets.ini", "secrets.json", "secrets.toml", "secrets.yaml", "secrets.yml", "kubeconfig", "x.kubeconfig"),
        *("kubeconfig.yaml", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "x.ppk", "x.key", "x.p12", "x.pfx", "x.jks"),
        *("x.keystore", "x.kdbx", "x.keytab", "x.tfstate", "x.tfstate.backup", "x.tfvars", "x.tfvars.json"),
        *(
            "aws-lambda-router.log",
            ".aws/x",
            ".docker/x",
            ".kube/x",
            ".ssh/x",
            ".gnupg/x",
            ".terraform/x",
            ".streamer/x",
        ),
    ],
)
def test_is_a_secret_by_its_name(path: str) -> None:
    assert kind(path, b"") is not None


@pytest.mark.parametrize("path", ["x.key", "secrets.yml", "credentials.toml"])
def test_a_mere_name_is_no_reason_against_what_the_user_names(path: str) -> None:
    assert kind(path, b"", is_wanted=True) is None


@pytest.mark.parametrize("path", ["prod.env", ".npmrc", "id_rsa", "x.p12"])
def test_what_is_surely_a_secret_is_not_packed_even_if_the_user_names_it(path: str) -> None:
    assert kind(path, b"", is_wanted=True) is not None


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("credentials.py", "def load(): ...", id="code about credentials"),
        pytest.param("keys/jwt.pem", "-----BEGIN PUBLIC KEY-----\n" + BODY, id="public key"),
        pytest.param("ca.pem", "-----BEGIN CERTIFICATE-----\n" + BODY, id="certificate"),
        pytest.param("jwks.json", f'{{"keys": [{{"kty": "RSA", "n": "{BODY}", "e": "AQAB"}}]}}', id="public JWK"),
        pytest.param("pem.py", 'if text.startswith("-----BEGIN PRIVATE KEY-----"): ...', id="code about keys"),
        pytest.param("doc.md", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", id="AWS's example"),
        pytest.param("environment.json", "{}", id="not an environment file"),
        pytest.param("credentials.html", "", id="a page about credentials"),
        pytest.param("keyboard.txt", "", id="not a key"),
        pytest.param("a.txt", "-i https://${USER}:${TOKEN}@example.com/simple", id="a password from elsewhere"),
        pytest.param("a.md", "pip install git+https://user:TOKEN@example.com/lib", id="a document about tokens"),
        pytest.param("a.txt", "--index-url https://pypi.example.com/simple", id="an index for everybody"),
        pytest.param("a.txt", "lib @ git+https://git@example.com/lib.git@main", id="a name without a password"),
        pytest.param("a.py", "url = 'https://user:pass@example.com'", id="an address of something else"),
    ],
)
def test_a_file_that_only_looks_like_a_secret_is_none(path: str, content: str) -> None:
    assert kind(path, content.encode()) is None


def test_a_database_that_the_user_names_is_packed_and_a_private_key_is_not() -> None:
    assert kind("words.sqlite", b"SQLite format 3\0", is_wanted=True) is None
    assert kind("words.txt", PEM.encode(), is_wanted=True) == "a private key"
