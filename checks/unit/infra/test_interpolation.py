"""Compose's variable rules: the cases of its specification, and templates of any depth against a model of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.compose.dotenv import with_dotenv
from infra.compose.interpolation import TemplateError, substitute
from infra.errors import LabError

VARIABLES = {"SET": "value", "EMPTY": "", "DOLLAR": "$SET ${SET}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$SET", "value"),
        ("$SET-x", "value-x"),
        ("${SET}x", "valuex"),
        ("$UNSET|${UNSET}", "|"),
        ("${UNSET:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${UNSET-d}", "d"),
        ("${SET:-d}", "value"),
        ("${SET:+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${EMPTY+r}", "r"),
        ("${UNSET+r}", ""),
        ("${SET:?why}", "value"),
        ("${EMPTY?why}", ""),
        ("${UNSET:-${EMPTY:-${SET}}}", "value"),
        ("${UNSET:-a$SET}", "avalue"),
        ("${UNSET:-}", ""),
        ("$$SET $${SET}", "$SET ${SET}"),
        ("${UNSET:-$$}", "$"),
        ("$DOLLAR", "$SET ${SET}"),
        ('${UNSET:-{"a": 1}}', '{"a": 1}'),
        ("a } b { c", "a } b { c"),
    ],
)
def test_each_form(text: str, expected: str) -> None:
    assert substitute(text, VARIABLES) == expected


@pytest.mark.parametrize(
    "text", ["$", "cost: $5", "${", "${SET", "${}", "${5}", "${SET!x}", "${SET:=x}", "${UNSET:-${SET}"]
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        substitute(text, VARIABLES)


def test_a_required_variable_says_why_it_is_needed() -> None:
    with pytest.raises(TemplateError, match=r"UNSET is missing: give value\. Set it"):
        substitute("${UNSET:?give $SET}", VARIABLES)


@dataclass(frozen=True)
class Template:
    """A template's text, and what it must become."""

    text: str
    value: str


NAMES = ("SET", "EMPTY", "DOLLAR", "UNSET")
LITERALS = st.text(st.characters(codec="utf-8", exclude_characters="${}", exclude_categories=["Cs", "Cc"]), max_size=6)


def _choice(name: str, operator: str, inner: Template) -> Template:
    value = VARIABLES.get(name)
    given = bool(value) if ":" in operator else value is not None
    kept, otherwise = (inner.value, "") if "+" in operator else (value or "", inner.value)
    return Template(f"${{{name}{operator}{inner.text}}}", kept if given else otherwise)


def _joined(parts: list[Template]) -> Template:
    return Template("".join(part.text for part in parts), "".join(part.value for part in parts))


LEAVES = st.one_of(
    LITERALS.map(lambda text: Template(text, text)),
    st.just(Template("$$", "$")),
    st.sampled_from(NAMES).map(lambda name: Template(f"${{{name}}}", VARIABLES.get(name, ""))),
)
TEMPLATES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(_choice, st.sampled_from(NAMES), st.sampled_from([":-", "-", ":+", "+"]), inner),
        st.lists(inner, max_size=4).map(_joined),
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(TEMPLATES)
def test_any_template_becomes_what_the_model_says(template: Template) -> None:
    assert substitute(template.text, VARIABLES) == template.value


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.text(max_size=40))
def test_any_text_survives_being_escaped(text: str) -> None:
    assert substitute(text.replace("$", "$$"), {}) == text


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.text(max_size=20))
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    assert substitute("<${NAME}>", {"NAME": value}) == f"<{value}>"


def test_dotenv_is_read_as_compose_reads_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\n\nPLAIN=one # and why\nexport EXPORTED=two\nSINGLE='$PLAIN # kept'\n"
        'DOUBLE="$PLAIN\\n\\"quoted\\" \\$PLAIN"\nNESTED=${PLAIN}-${HERE}\nHERE=from the file\nHASH=a#b\nNOTHING=\n'
    )
    known = with_dotenv(tmp_path, {"HERE": "environment"})
    assert known == {
        "HERE": "environment",
        "PLAIN": "one",
        "EXPORTED": "two",
        "SINGLE": "$PLAIN # kept",
        "DOUBLE": 'one\n"quoted" $PLAIN',
        "NESTED": "one-environment",
        "HASH": "a#b",
        "NOTHING": "",
    }


def test_without_a_dotenv_the_environment_is_all(tmp_path: Path) -> None:
    assert with_dotenv(tmp_path, {"A": "1"}) == {"A": "1"}


@pytest.mark.parametrize("line", ["no equals sign", "A='never closed", 'A="never closed', "A=${B:?needed}"])
def test_a_line_of_dotenv_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"FINE=1\n{line}\n")
    with pytest.raises(LabError, match=r"^\.env:2: "):
        with_dotenv(tmp_path, {})
