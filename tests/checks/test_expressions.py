"""Expressions of a workflow, evaluated as in GitHub's documentation."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.workflow.expressions import (
    ExpressionError,
    fill_template,
    is_truthy,
    parse,
    parse_template,
    to_text,
)

CONTEXTS = {
    "github": {"ref": "refs/tags/v1.0.0", "event_name": "push"},
    "inputs": {"artifact": "Binoc", "dry": False, "empty": ""},
    "needs": {
        "build-wheels": {"result": "success", "outputs": {"digest": "abc"}},
        "check": {"result": "failure", "outputs": {}},
    },
    "matrix": {"python": 3.1, "list": [1.0, "two"]},
}
STATUS = {"success": False, "failure": True, "cancelled": False, "always": True}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # literals
        ("'it''s'", "it's"),
        ("-9.2", -9.2),
        ("0xff", 255),
        ("-2.99e-2", -0.0299),
        ("true", True),
        ("null", None),
        # names
        ("github.ref", "refs/tags/v1.0.0"),
        ("GitHub.REF", "refs/tags/v1.0.0"),
        ("github['ref']", "refs/tags/v1.0.0"),
        ("needs.build-wheels.outputs.digest", "abc"),
        ("needs.*.result", ["success", "failure"]),
        ("matrix.list[1]", "two"),
        ("matrix.list[7]", None),
        ("steps.none.outputs.value", None),
        # comparison: case, types, null
        ("inputs.artifact == 'BINOC'", True),
        ("inputs.artifact != 'binoc'", False),
        ("1 == '1'", True),
        ("true == 1", True),
        ("null == 0", True),
        ("null == ''", True),
        ("'a' == 0", False),
        ("NaN == NaN", False),
        ("inputs.dry == 'false'", False),
        ("needs == needs", True),
        ("needs == github", False),
        ("'b' > 'A'", True),
        ("3 <= 2", False),
        ("'x' < 1", False),
        # precedence, and values of && and ||
        ("false && true || true", True),
        ("false && (true || true)", False),
        ("!true == false", True),
        ("!!'x'", True),
        ("inputs.empty || 'default'", "default"),
        ("github.ref && 'set'", "set"),
        ("1 < 2 == true", True),
        # functions
        ("startsWith(github.ref, 'REFS/tags/')", True),
        ("endsWith('v1.0.0', '1.0.0')", True),
        ("contains('Hello', 'LL')", True),
        ("contains(needs.*.result, 'failure')", True),
        ("contains(needs.*.result, 'fail')", False),
        ("format('{0}-{1} {{0}} {2}', 'a', 1)", "a-1 {0} {2}"),
        ("fromJSON('[1, \"two\"]')[1]", "two"),
        ('fromJSON(\'{"a": {"b": 3}}\').a.b == 3', True),
        ('contains(fromJSON(\'["push", "release"]\'), github.event_name)', True),
        ("success()", False),
        ("!cancelled()", True),
        ("always() && failure()", True),
    ],
)
def test_value_of_an_expression(text, expected):
    assert parse(text).evaluate(CONTEXTS, STATUS) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", ""),
        ('"double"', '`"double"`'),
        ("'open", "`'open`"),
        ("a ==", ""),
        ("(a", "`)`"),
        ("a b", "`b`"),
        ("a.1", ""),
        ("toJSON(github)", "`toJSON`"),
        ("hashFiles('x')", "`hashFiles`"),
        ("join(needs.*.result)", "`join`"),
        ("contains('a')", "`contains`"),
        ("success(1)", "`success`"),
        ("a = b", "`=`"),
        ("1 + 2", "`+`"),
        ("(" * 60 + "1" + ")" * 60, "50"),
    ],
)
def test_invalid_expression_is_an_error_with_the_wrong_part(text, part):
    with pytest.raises(ExpressionError) as error:
        parse(text)
    assert part in str(error.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (True, "true"), (3.1, "3.1"), (3.0, "3"), ("x", "x"), ({}, "Object"), ([], "Array")],
)
def test_value_as_text(value, expected):
    assert to_text(value) == expected


@pytest.mark.parametrize("value", [None, False, 0.0, -0.0, "", float("nan")])
def test_null_zero_and_the_empty_text_are_false(value):
    assert is_truthy(value) is False


@pytest.mark.parametrize("value", [True, 1.0, "false", "0", [], {}])
def test_other_values_are_true(value):
    assert is_truthy(value) is True


def test_invalid_json_is_an_error_of_the_evaluation():
    with pytest.raises(ExpressionError, match="`fromJSON`"):
        parse("fromJSON(inputs.artifact)").evaluate(CONTEXTS, STATUS)


def test_template_is_filled_and_a_single_expression_keeps_its_type():
    assert fill_template(parse_template("on ${{ matrix.python }}, ${{ '}}' }}!"), CONTEXTS, STATUS) == "on 3.1, }}!"
    assert fill_template(parse_template("${{ inputs.dry }}"), CONTEXTS, STATUS) is False
    assert fill_template(parse_template("plain"), CONTEXTS, STATUS) == "plain"
    with pytest.raises(ExpressionError, match="}}"):
        parse_template("${{ github.ref }")


def test_references_and_status_functions_of_an_expression():
    expression = parse("needs.check.result == 'success' && always() && matrix[github.ref]")
    assert expression.references == {("needs", "check", "result"), ("github", "ref"), ("matrix", "?")}
    assert expression.has_status_function
    assert not parse("startsWith(github.ref, 'x')").has_status_function
