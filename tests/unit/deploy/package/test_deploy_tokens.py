"""Tokens in text files are known, and usual code holds none. All are made here: none stands in this file."""

import string
import sysconfig
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.package.tokens import Token, tokens

ALPHABET = "q7Wz0RkT5mYb3XcV9nHs1LdF8gJp6ZtG2xKvB4wNrCfMyDhQ"
"""In no order that a document would have."""


def body(length: int, of: str = ALPHABET) -> str:
    return "".join(of[(each * 7) % len(of)] for each in range(length))


HEX = "7c0e5b9d3a8f1642"
DIGITS = "7305926148"
UPPER = "Q7WZ2RKT5MYB3XCV4NHS"
MADE = {
    "GitHub": ["gh" + letter + "_" + body(36) for letter in "pousr"] + ["github" + "_pat_" + body(22) + "_" + body(59)],
    "GitLab": ["glpat" + "-" + body(20)],
    "a token of Slack": [
        "xox" + "b-" + body(12, DIGITS) + "-" + body(12, DIGITS) + "-" + body(24),
        "xox" + "p-" + body(11, DIGITS) + "-" + body(11, DIGITS) + "-" + body(11, DIGITS) + "-" + body(32, HEX),
        "xapp" + "-1-" + body(11, UPPER) + "-" + body(13, DIGITS) + "-" + body(64, HEX),
    ],
    "a webhook of Slack": [
        "https://hooks.slack" + ".com/services/T" + body(9, UPPER) + "/B" + body(9, UPPER) + "/" + body(24)
    ],
    "Stripe": ["sk" + "_live_" + body(24), "rk" + "_live_" + body(99)],
    "npm": ["npm" + "_" + body(36)],
    "PyPI": ["pypi" + "-AgEIcHlwaS5vcmc" + body(150)],
    "Google": ["AI" + "za" + body(35)],
    "Anthropic": ["sk" + "-ant-api03-" + body(95)],
    "OpenAI": ["sk" + "-proj-" + body(120), "sk" + "-" + body(20) + "T3Blbk" + "FJ" + body(20)],
    "SendGrid": ["SG" + "." + body(22) + "." + body(43)],
    "Hugging Face": ["hf" + "_" + body(34, "qWzRkTmYbXcVnHsLdFgJpZtGxKvBwNrCfMyDhQ")],
    "DigitalOcean": ["dop" + "_v1_" + body(64, HEX)],
    "AWS": ["AK" + "IA" + body(16, UPPER) + ", " + body(40), body(40) + "\nAS" + "IA" + body(16, UPPER)],
}
EVERY = [(kind, token) for kind, several in MADE.items() for token in several]
PLACES = [
    pytest.param("KEY = '{}'\n", id="Python"),
    pytest.param('{{"token": "{}"}}', id="JSON"),
    pytest.param("token: {}\n", id="YAML"),
    pytest.param("TOKEN={}", id="shell"),
    pytest.param("git clone https://x:{}@example.org/x.git", id="address"),
]


@pytest.mark.parametrize(("kind", "token"), EVERY, ids=[f"{kind} {n}" for n, (kind, _) in enumerate(EVERY)])
@pytest.mark.parametrize("place", PLACES)
def test_a_token_is_known_wherever_it_stands(kind: str, token: str, place: str) -> None:
    (found,) = tokens(f"first line\n\n{place.format(token)}".encode())

    assert kind in found.kind
    assert found.line in (3, 4)  # the second where the key id follows its secret
    assert token not in repr(found)


def test_all_are_found_in_the_order_of_lines() -> None:
    stripe, github = MADE["Stripe"][0], MADE["GitHub"][0]

    assert tokens(f"{stripe}\n\n{github} {github}\r\n{stripe}".encode()) == [
        Token(1, "a key of Stripe"),
        Token(3, "a token of GitHub"),
        Token(4, "a key of Stripe"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("ghp_" + "x" * 36, id="crossed out"),
        pytest.param("gh" + "p_" + body(36, "q7Wz0"), id="of nine different characters"),
        pytest.param("AI" + "za" + "SyEXAMPLE" + body(26), id="an example by its words"),
        pytest.param("sk" + "_test_" + body(24), id="Stripe's for tests"),
        pytest.param("pk" + "_live_" + body(24), id="Stripe's public one"),
        pytest.param("AK" + "IA" + body(16, UPPER), id="an access key id alone"),
        pytest.param("AK" + "IA" + body(16, UPPER) + " at " + body(40, HEX), id="an access key id and a commit"),
        pytest.param("AK" + "IA" + body(16, UPPER) + "\n" * 400 + body(40), id="an access key id far from anything"),
        pytest.param("AK" + "IAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", id="AWS's example"),
        pytest.param("npm_installsEveryPackageThatIsWantedHereNow = 1", id="a long name"),
        pytest.param("if token.startswith(('ghp_', 'github_pat_', 'xoxb-', 'sk_live_')): ...", id="code about tokens"),
        pytest.param("ask-ant-colony-optimisation-" + body(50), id="within a word"),
        pytest.param("https://cdn.example.org/" + body(64), id="an address"),
        pytest.param("sha256:" + body(64, HEX), id="a hash"),
        pytest.param("data:image/png;base64," + body(400), id="a picture"),
    ],
)
def test_usual_text_holds_none(text: str) -> None:
    assert tokens(text.encode()) == []


def test_ten_different_characters_are_as_good_as_random() -> None:
    assert [each.kind for each in tokens(("gh" + "p_" + body(36, "q7Wz0R")).encode())] == ["a token of GitHub"]


def test_a_binary_file_is_not_read() -> None:
    assert tokens(b"\0" + MADE["Stripe"][0].encode()) == []


@given(st.text(string.printable))
@example("ghp_")
@example("AKIA")
def test_any_text_can_be_read(text: str) -> None:
    assert tokens(text.encode()) == []


def test_the_standard_library_and_this_project_hold_none() -> None:
    project = Path(__file__).parents[4]
    library = Path(sysconfig.get_path("stdlib"))
    files = [*library.glob("*.py"), *library.glob("*/*.py")]
    files += [
        each for name in ("streamer", "emulator", "deploy", "tests", "docs") for each in (project / name).rglob("*.*")
    ]

    files = [each for each in files if each.parent.name != "__pycache__" and each.is_file()]

    assert [str(each) for each in files if tokens(each.read_bytes())] == []
