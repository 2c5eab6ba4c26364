"""Templates, rendered: Velocity's language as API Gateway has it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.gateway.vtl.api_gateway import Input, Util
from emulator.gateway.vtl.evaluation import LOOPS, render
from emulator.gateway.vtl.syntax import TemplateError

BODY = {"name": "Ann", "items": [{"id": 1}, {"id": 2}], "empty": "", "n": 7, "ok": True, "nothing": None}
# [REC] ls-snap test_input_path_template_formatting
IS_NOTHING = (
    '#set($r = $input.path("$.json.value")){"body": $r, "nested": $r.nested, "isNull": '
    '#if( $r == $null )"true"#else"false"#end, "isEmptyString": #if( $r == "" )"true"#else"false"#end}'
)
IT_IS_NOTHING = '{"body": , "nested": , "isNull": "true", "isEmptyString": "true"}'
RECORDED = [
    ('#set($r = $input.path("$.json"))$r', {"json": {"foo": "bar"}}, "{foo=bar}"),
    ('#set($r = $input.path("$.json"))$r', {"json": [{"foo": "bar"}]}, '[{"foo":"bar"}]'),
    ('#set($r = $input.path("$.json"))$r.nested', {"json": {"nested": {"foo": "bar"}}}, "{foo=bar}"),
    ('#set($r = $input.path("$.json"))$r.nested', {"json": {"nested": [{"foo": "bar"}]}}, '[{"foo":"bar"}]'),
    ('#set($r = $input.path("$.json"))$r[0]', {"json": [{"foo": "bar"}]}, "{foo=bar}"),
    ('#set($r = $input.path("$.json"))$r[0]', {"json": [[{"foo": "bar"}]]}, '[{"foo":"bar"}]'),
    ('#set($r = $input.path("$.json"))$r', {"json": {"foo": [{"nested": "bar"}]}}, '{foo=[{"nested":"bar"}]}'),
    ('#set($r = $input.path("$.json"))$r.toString()', {"json": {"l": [{"foo": "bar"}]}}, '{l=[{"foo":"bar"}]}'),
    (IS_NOTHING, {"json": {"value": None}}, IT_IS_NOTHING),
    (IS_NOTHING, {}, IT_IS_NOTHING),
    (IS_NOTHING, {"json": {"value": []}}, '{"body": [], "nested": , "isNull": "false", "isEmptyString": "false"}'),
]


def rendered(template: str, **more: Any) -> str:
    names = {
        "input": Input(json.dumps(BODY), {"header": {"Auth": "me"}, "querystring": {"room": "one"}, "path": {}}),
        "util": Util(),
        "context": {"connectionId": "abc=", "authorizer": {"principalId": "ann"}},
        "stageVariables": {"colour": "blue"},
        **more,
    }
    return render(template, names)


REFERENCES = [
    ("$context.connectionId", "abc="),
    ("${context.connectionId}X", "abc=X"),
    ("$context.authorizer.principalId", "ann"),
    ("$context.authorizer.missing|", "|"),
    ("$stageVariables.colour, $stageVariables.missing.", "blue, ."),
    ("$stageVariables['colour']", "blue"),
    ("$unknown and $!unknown|", " and |"),
    ("${unknown.x} $unknown.call(1)|", " |"),
    (r"\$context.connectionId", "$context.connectionId"),
    (r"\\$context.connectionId", r"\abc="),
    (r"\\\$context.connectionId", r"\$context.connectionId"),
    (r"\\\\$context.connectionId", r"\\abc="),
    (r"\\#if(true)a#end", r"\a"),
    (r"\#if(true)", "#if(true)"),
    (r"\\#1 \\#", r"\#1 \#"),
    (r"\d \\d \\", r"\d \\d \\"),
    ("$! ${ $!{ $!{1", "$! ${ $!{ $!{1"),
    ("costs 5$, #1, C#, $5", "costs 5$, #1, C#, $5"),
    ("\\$context \\#if", "$context #if"),
    ("#[[ $raw #if ]]#", " $raw #if "),
    ("a## comment\nb#* more\n *#c", "abc"),
]
INPUT = [
    ("$input.body", json.dumps(BODY)),
    ("$input.json('$')", json.dumps(BODY, separators=(",", ":"))),
    ("$input.json('$.name')", '"Ann"'),
    ("$input.json('$.items')", '[{"id":1},{"id":2}]'),
    ("$input.json('$.items[*].id')", "[1,2]"),
    ("$input.json('$..id')", "[1,2]"),
    ("$input.json('$.missing')", '""'),
    ("$input.path('$.name')", "Ann"),
    ("$input.path('$.items[1].id')", "2"),
    ("$input.path('$.missing')|", "|"),
    ("$input.path('$').items.size()", "2"),
    ("$input.params('Auth') $input.params('room') $input.params('no')|", "me one |"),
    ("$input.params().header.Auth", "me"),
    ("$input.params().querystring", "{room=one}"),
]
UTIL = [
    ('$util.escapeJavaScript("it\'s")', "it\\'s"),
    ("$util.escapeJavaScript($input.json('$.name'))", '\\"Ann\\"'),
    ("$util.urlEncode('a b&c=~')", "a+b%26c%3D%7E"),
    ("$util.urlDecode('a+b%26c')", "a b&c"),
    ("$util.base64Encode('Ann')", "QW5u"),
    ("$util.base64Decode('QW5u')", "Ann"),
    ("$util.base64Decode('QW4=')", "An"),
    ("$util.base64Decode('QW4')", "An"),
    ("$util.base64Decode('QW5uQ')", "Ann"),
    ("""$util.base64Decode('"QW5u"')""", "Ann"),
    ("$util.base64Decode('%')", ""),
    ("#set($o = $util.parseJson('{\"a\": [1, 2]}'))$o.a[1]", "2"),
]
DIRECTIVES = [
    ("#set($a = 1)$a", "1"),
    ("#set($a = 'x$b')$a", "x$b"),
    ('#set($b = 2)#set($a = "x$b")$a', "x2"),
    ("#set($m = {'a': 1})#set($m.b = [1, 2])$m", "{a=1, b=[1, 2]}"),
    ("#set($l = [1, 2])#set($l[0] = 9)$l", "[9, 2]"),
    ("#if(true)yes#end", "yes"),
    ("#if(false)yes#{else}no#end", "no"),
    ("{#if(true){yes}#{end}}{#if(false)#else}#end}", "{{yes}}{}}"),
    ("#if($unknown)1#elseif($input.path('$.ok'))2#else 3#end", "2"),
    ("#if(!$unknown && $context.connectionId)yes#end", "yes"),
    ("#if($input.path('$.n') > 5 and not ($input.path('$.n') == 8))yes#end", "yes"),
    ("#if($input.path('$.name') == 'Ann')yes#end", "yes"),
    ("#if($input.path('$.empty') == '')yes#end", "yes"),
    ("#if($input.path('$.missing') == '') 5 #else $input.path('$.missing') #end", " 5 "),
    ("#if($input.path('$.missing') != '')1#elseif($input.path('$.missing'))2#else 3#end", " 3"),
    ("#set($x = $input.path('$.missing'))$x.length()|$x|", "0||"),
    ("#set($x = $input.params('missing'))#if($x == '')none#end$x", "none"),
    ("#foreach($x in $input.path('$.items'))$x.id#if($foreach.hasNext),#end#end", "1,2"),
    ("#foreach($x in [3..1])$x$foreach.index$foreach.count #end", "301 212 123 "),
    ("#foreach($x in [1..9])#if($x == 3)#break#end$x#end.", "12."),
    ("a#stop b", "a"),
    ("#foreach($k in $context.authorizer.keySet())$k=$context.authorizer.get($k)#end", "principalId=ann"),
    ("#set($m = {'a': 1})#foreach($e in $m.entrySet())$e.key$e.value$e.getKey()#end", "a1a"),
    ("#macro(twice $x)$x$x#end#twice('ab')-#twice(1)", "abab-11"),
    ("#macro(m)a#break b#end#m()c#m()", "aca"),
    ("#unknown(1)", "#unknown(1)"),
    ("#define( $pair )$k=$v;#end#foreach($k in [1,2])#set($v = $k * 2)$pair#end", "1=2;2=4;"),
    ("#foreach($a in [1,2])#foreach($b in [1,2])$foreach.parent.count$foreach.topmost.count #end#end", "11 11 22 22 "),
    ("#if($input.path('$.ok') == 'true')yes#end", "yes"),
    ("$input.params('Auth', 'x')", "me"),
    ("#set($a = 1)\n#if($a == 1)\n{\n#end\n}", "{\n}"),
]
EXPRESSIONS = [
    ("1 + 2 * 3", "7"),
    ("(1 + 2) * 3", "9"),
    ("7 / 2", "3"),
    ("-7 / 2", "-3"),
    ("7 % 4", "3"),
    ("1.5 + 1", "2.5"),
    ("'a' + 1", "a1"),
    ("1 < 2", "true"),
    ("'a' lt 'b'", "true"),
    ("1 == 1.0", "true"),
    ("'1' == 1", "true"),
    ("null == 1", "false"),
    ("null == ''", "true"),
    ("true == 'true'", "true"),
    ("true == 1", "false"),
    ("12345678.9", "1.23456789E7"),
    ("0.0001", "1.0E-4"),
    ("1000000.5", "1000000.5"),
    ("true || $boom.x", "true"),
    ("$s.length()", "5"),
    ("$s.substring(1, 3)", "-b"),
    ("$s.replaceAll('(\\w)-', '$1+')", "a+b+c"),
    ("$s.split('-').size()", "3"),
    ("$s.split('-').get(2)", "c"),
    ("$s.toUpperCase().contains('B-')", "true"),
    ("$s.indexOf('b')", "2"),
    ("$s.equalsIgnoreCase('A-B-C')", "true"),
    ("$s.matches('[a-c-]+')", "true"),
    ("$l.contains(2)", "true"),
    ("$l.isEmpty()", "false"),
    ("$m.containsKey('a')", "true"),
    ("$m.keySet()", "[a]"),
    ("$m['a']", "1"),
]


@pytest.mark.parametrize(
    ("template", "expected"),
    [*REFERENCES, *INPUT, *UTIL, *DIRECTIVES],
)
def test_a_template_gives_the_text_that_velocity_gives(template: str, expected: str) -> None:
    assert rendered(template) == expected


@pytest.mark.parametrize(("template", "body", "expected"), RECORDED)
def test_what_was_recorded_is_given(template: str, body: dict[str, Any], expected: str) -> None:
    assert render(template, {"input": Input(json.dumps(body), {})}) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Message=$input.body", "Message={}"),
        ("#set($r = $input.body.testAccess)$r", ""),
        ("E=$util.urlEncode($input.body)&A=$util.urlEncode($input.body.x)", "E=%7B%7D&A="),
    ],
)
def test_an_empty_body_is_an_object_without_members(template: str, expected: str) -> None:
    assert render(template, {"input": Input("", {}), "util": Util()}) == expected


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS)
def test_an_expression_has_the_value_that_velocity_gives(expression: str, expected: str) -> None:
    names = {"s": "a-b-c", "l": [1, 2], "m": {"a": 1}}

    assert rendered(f"#set($found = {expression})$found", **names) == expected


def test_a_list_grows_by_its_methods() -> None:
    template = "#set($l = [])#foreach($x in [1..3])#set($ignored = $l.add($x))#end$l.size() $l"

    assert rendered(template) == "3 [1, 2, 3]"


MISTAKES = [
    ("#if(true)", "#if without #end"),
    ("#end", "#end ends nothing"),
    ("\n#set($a = )", "line 2"),
    ("#set(a = 1)", "a reference such as $name is expected"),
    ("#foreach($x of $y)#end", "#foreach($name in items) is expected"),
    ("${context.a", "${ without }"),
    ("#set($a = 'x)", "a text without an end"),
    ("$input.path('$.items[?(@.id)]')", "is not understood"),
    ("$util.parseJson('{')", "$util.parseJson()"),
    ("$context.connectionId.substring(1, 'x')", ".substring()"),
    ("$context.connectionId.substring(-1)", "no places among 4"),
    ("$context.connectionId.substring(2, 9)", "no places among 4"),
    ("$input.path('$.items').get(-1)", "no place among 2"),
    ("$input.path('$.items.length()')", "is not understood at '.length()'"),
    ("#define($a)$a#end$a", "uses itself"),
    ("#define($a)", "#define without #end"),
    ("#macro(a)#a()#end#a()", "uses itself"),
    ("#foreach($x in [1..1001])#end", "a range has at most"),
    ("#set($a = " + "(" * 200 + "1" + ")" * 200 + ")", "levels deep"),
]


@pytest.mark.parametrize(("template", "message"), MISTAKES)
def test_a_mistake_is_told(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(template)

    assert message in str(caught.value)


def test_a_loop_has_an_end() -> None:
    with pytest.raises(TemplateError, match="#foreach over 1001"):
        rendered("#foreach($x in $l)#end", l=list(range(LOOPS + 1)))


def test_a_template_has_300_kb_at_most() -> None:
    assert len(rendered("x" * 300 * 1024)) == 300 * 1024
    with pytest.raises(TemplateError, match="at most 307200"):
        rendered("x" * (300 * 1024 + 1))


@given(st.text(alphabet="$#!{}()[].,'\"= \n\\*|&<>+-/%ab1setifndforeachinmacro", max_size=60))
def test_whatever_is_written_is_rendered_or_refused(template: str) -> None:
    with contextlib.suppress(TemplateError):
        assert isinstance(rendered(template), str)


@given(st.text(st.characters(exclude_characters="$#\\", exclude_categories=["Cs"]), max_size=40))
def test_a_text_without_signs_is_itself(text: str) -> None:
    assert rendered(text) == text


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(values.filter(lambda value: value is not None))
def test_json_goes_through_input_unchanged(value: Any) -> None:
    body = json.dumps({"x": value})

    assert json.loads(render("$input.json('$.x')", {"input": Input(body, {})})) == value


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_escaped_texts_are_json_but_for_single_quotes(text: str) -> None:
    escaped = render("$util.escapeJavaScript($t)", {"util": Util(), "t": text})

    assert json.loads(f'"{escaped}"'.replace("\\'", "'")) == text
