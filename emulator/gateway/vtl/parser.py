"""Templates, read: directives, references and expressions. Pure. [DOC] velocity.apache.org: VTL reference"""

from __future__ import annotations

import re
from typing import Final

from .syntax import (
    Binary,
    Call,
    Define,
    Foreach,
    If,
    Index,
    Leave,
    ListOf,
    Literal,
    Macro,
    MapOf,
    Node,
    Not,
    Property,
    Range,
    Reference,
    Set,
    TemplateError,
    Text,
    UseMacro,
)

TEMPLATE_CHARACTERS: Final = 300 * 1024
"""Largest mapping template. [DOC] apigw-docs:limits"""
DEPTH: Final = 100
"""Deepest nesting of directives, brackets and parentheses that is read."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_DIRECTIVE: Final = re.compile(r"#(\{)?(set|if|elseif|else|end|foreach|macro|define|break|stop)\b(?(1)\})")
_MACRO: Final = re.compile(r"#([A-Za-z_][A-Za-z0-9_]*)(?=\()")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_PLAIN: Final = re.compile(r"[^$#\\]+")
_ESCAPE: Final = re.compile(r"(?=\\)(?P<backslashes>(?:\\\\)*)(?:\\(?P<sign>[$#])|(?<=\\)(?=[$#]))")
"""Two backslashes before a sign are one, and a further one has the sign stand for itself."""
_BLANKS: Final = re.compile(r"\s*")
_OPERATORS: Final = (
    (("||", "or"),),
    (("&&", "and"),),
    (("==", "eq"), ("!=", "ne")),
    (("<=", "le"), (">=", "ge"), ("<", "lt"), (">", "gt")),
    (("+", ""), ("-", "")),
    (("*", ""), ("/", ""), ("%", "")),
)
"""Operators by precedence, the weakest first, each with its word."""
_ENDS: Final = frozenset({"elseif", "else", "end"})
_WORDS: Final = {"true": True, "false": False, "null": None}


def parse(template: str) -> Text:
    """Read a template.

    Raises:
        TemplateError: it cannot be read.
    """
    if len(template) > TEMPLATE_CHARACTERS:
        raise TemplateError(f"a mapping template has at most {TEMPLATE_CHARACTERS} characters")
    parser = _Parser(template)
    text, end = parser.block()
    if end is not None:
        raise parser.error(f"#{end} ends nothing")
    return text


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._depth = 0

    def error(self, text: str) -> TemplateError:
        line = self._source.count("\n", 0, self._at) + 1
        return TemplateError(f"line {line}: {text}")

    # text and directives

    def block(self) -> tuple[Text, str | None]:
        """What stands up to the end of the template, or up to a directive that ends a block, which is told."""
        self._enter()
        parts: list[Node] = []
        while self._at < len(self._source):
            found = self._directive()
            if isinstance(found, str):
                self._depth -= 1
                return Text(tuple(parts)), found
            parts.append(found if found is not None else self._piece())
        self._depth -= 1
        return Text(tuple(parts)), None

    def _piece(self) -> Node:
        """A reference, or the text up to the next sign that may mean something."""
        sign = self._source[self._at]
        if sign == "$":
            reference = self._reference()
            if reference is not None:
                return reference
        elif (escape := _ESCAPE.match(self._source, self._at)) is not None:
            self._at = escape.end()
            return Literal(escape["backslashes"][::2] + (escape["sign"] or ""))
        plain = _PLAIN.match(self._source, self._at)
        if plain is None:
            self._at += 1
            return Literal(sign)
        self._at = plain.end()
        return Literal(plain[0])

    def _directive(self) -> Node | str | None:
        """A directive; the name of one that ends a block; None: here is none."""
        source, at = self._source, self._at
        if source[at] != "#":
            return None
        if source.startswith("##", at):
            end = source.find("\n", at)
            self._at = len(source) if end < 0 else end + 1
            return Literal("")
        for opening, closing, is_shown in (("#*", "*#", False), ("#[[", "]]#", True)):
            if source.startswith(opening, at):
                end = source.find(closing, at)
                end = len(source) if end < 0 else end
                self._at = end + len(closing)
                return Literal(source[at + len(opening) : end] if is_shown else "")
        found = _DIRECTIVE.match(source, at)
        if found is None:
            return self._use_of_macro()
        self._at = found.end()
        return self._named(found[2])

    def _named(self, name: str) -> Node | str:
        if name in _ENDS:
            if name != "elseif":
                self._skip_line_end()
            return name
        if name in ("break", "stop"):
            return Leave(name)
        blocks = {"if": self._if, "foreach": self._foreach, "macro": self._macro, "define": self._define}
        return {"set": self._set, **blocks}[name]()

    def _skip_line_end(self) -> None:
        """A directive that stands alone in its line leaves no line behind. [DOC] whitespace gobbling"""
        found = re.compile(r"[ \t]*\r?\n").match(self._source, self._at)
        before = self._source.rfind("\n", 0, self._at) + 1
        if found is not None and re.fullmatch(r"[ \t]*#.*", self._source[before : self._at], re.DOTALL):
            self._at = found.end()

    def _set(self) -> Node:
        self._expect("(")
        target = self._target()
        self._expect("=")
        value = self._expression()
        self._expect(")")
        self._skip_line_end()
        return Set(target, value)

    def _if(self) -> Node:
        branches: list[tuple[Node, Text]] = []
        condition: Node = self._condition()
        while True:
            body, end = self.block()
            branches.append((condition, body))
            if end == "elseif":
                condition = self._condition()
            elif end == "else":
                condition = Literal(True)
            elif end == "end":
                return If(tuple(branches))
            else:
                raise self.error("#if without #end")

    def _condition(self) -> Node:
        self._expect("(")
        found = self._expression()
        self._expect(")")
        self._skip_line_end()
        return found

    def _foreach(self) -> Node:
        self._expect("(")
        target = self._target()
        self._blanks()
        if not self._take("in"):
            raise self.error("#foreach($name in items) is expected")
        items = self._expression()
        self._expect(")")
        self._skip_line_end()
        return Foreach(target.name, items, self._body("foreach"))

    def _macro(self) -> Node:
        self._expect("(")
        self._blanks()
        name = self._name()
        parameters = []
        while self._peek() == "$":
            parameters.append(self._target().name)
            self._take(",")
        self._expect(")")
        self._skip_line_end()
        return Macro(name, tuple(parameters), self._body("macro"))

    def _define(self) -> Node:
        self._expect("(")
        target = self._target()
        self._expect(")")
        self._skip_line_end()
        return Define(target.name, self._body("define"))

    def _body(self, name: str) -> Text:
        body, end = self.block()
        if end != "end":
            raise self.error(f"#{name} without #end")
        return body

    def _use_of_macro(self) -> Node | None:
        found = _MACRO.match(self._source, self._at)
        if found is None:
            return None
        start, self._at = self._at, found.end() + 1
        arguments: list[Node] = []
        while self._peek() != ")":
            arguments.append(self._expression())
            self._take(",")
        self._expect(")")
        return UseMacro(found[1], tuple(arguments), self._source[start : self._at])

    # references

    def _target(self) -> Reference:
        self._blanks()
        found = self._reference() if self._peek() == "$" else None
        if found is None:
            raise self.error("a reference such as $name is expected")
        return found

    def _reference(self) -> Reference | None:
        """A reference; None: the sign stands for itself."""
        start = self._at
        self._at += 1
        self._take_here("!")
        is_braced = self._take_here("{")
        found = _NAME.match(self._source, self._at)
        if found is None:
            self._at = start
            return None
        self._at = found.end()
        steps = self._steps()
        if is_braced and not self._take_here("}"):
            raise self.error("${ without }")
        return Reference(found[0], steps)

    def _steps(self) -> tuple[Property | Call | Index, ...]:
        steps: list[Property | Call | Index] = []
        while self._at < len(self._source):
            if self._source[self._at] == "[":
                self._at += 1
                steps.append(Index(self._expression()))
                self._expect("]")
                continue
            found = _NAME.match(self._source, self._at + 1) if self._source[self._at] == "." else None
            if found is None:
                break
            self._at = found.end()
            if self._source.startswith("(", self._at):
                self._at += 1
                steps.append(Call(found[0], self._arguments()))
            else:
                steps.append(Property(found[0]))
        return tuple(steps)

    def _arguments(self) -> tuple[Node, ...]:
        found: list[Node] = []
        while self._peek() != ")":
            found.append(self._expression())
            if not self._take(","):
                break
        self._expect(")")
        return tuple(found)

    # expressions

    def _expression(self, level: int = 0) -> Node:
        if level == len(_OPERATORS):
            return self._unary()
        left = self._expression(level + 1)
        while (operator := self._operator(level)) is not None:
            left = Binary(operator, left, self._expression(level + 1))
        return left

    def _operator(self, level: int) -> str | None:
        self._blanks()
        for sign, word in _OPERATORS[level]:
            if self._source.startswith(sign, self._at):
                self._at += len(sign)
                return sign
            found = _NAME.match(self._source, self._at) if word else None
            if found is not None and found[0] == word:
                self._at = found.end()
                return sign
        return None

    def _unary(self) -> Node:
        self._enter()
        self._blanks()
        found = _NAME.match(self._source, self._at)
        if (self._peek() == "!" and self._take("!")) or (found is not None and found[0] == "not" and self._take("not")):
            node: Node = Not(self._unary())
        elif self._take("("):
            node = self._expression()
            self._expect(")")
        else:
            node = self._value()
        self._depth -= 1
        return node

    def _value(self) -> Node:
        sign = self._peek()
        if sign == "$":
            return self._target()
        if sign in ("'", '"'):
            return self._quoted(sign)
        if sign == "[":
            return self._list()
        if sign == "{":
            return self._map()
        if number := _NUMBER.match(self._source, self._at):
            self._at = number.end()
            is_float = number[1] is not None or number[2] is not None
            return Literal(float(number[0]) if is_float else int(number[0]))
        word = self._name()
        if word not in _WORDS:
            raise self.error(f"{word!r} is no value")
        return Literal(_WORDS[word])

    def _quoted(self, sign: str) -> Node:
        """A text; a sign that is doubled stands for itself, and references count between double quotes only."""
        self._at += 1
        pieces = []
        while True:
            end = self._source.find(sign, self._at)
            if end < 0:
                raise self.error("a text without an end")
            pieces.append(self._source[self._at : end])
            self._at = end + 1
            if not self._source.startswith(sign, self._at):
                break
            pieces.append(sign)
            self._at += 1
        text = "".join(pieces)
        if sign == "'" or not re.search(r"[$#]", text):
            return Literal(text)
        inner = _Parser(text)
        inner._depth = self._depth
        found, ended = inner.block()
        if ended is not None:
            raise self.error(f"#{ended} ends nothing")
        return found

    def _list(self) -> Node:
        self._expect("[")
        items: list[Node] = []
        while self._peek() != "]":
            items.append(self._expression())
            if self._take(".."):
                last = self._expression()
                self._expect("]")
                return Range(items[0], last)
            if not self._take(","):
                break
        self._expect("]")
        return ListOf(tuple(items))

    def _map(self) -> Node:
        self._expect("{")
        items: list[tuple[Node, Node]] = []
        while self._peek() != "}":
            key = self._expression()
            self._expect(":")
            items.append((key, self._expression()))
            if not self._take(","):
                break
        self._expect("}")
        return MapOf(tuple(items))

    # characters

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise self.error(f"more than {DEPTH} levels deep")

    def _blanks(self) -> None:
        found = _BLANKS.match(self._source, self._at)
        assert found is not None  # it matches nothing, too
        self._at = found.end()

    def _peek(self) -> str:
        self._blanks()
        return self._source[self._at : self._at + 1]

    def _take(self, text: str) -> bool:
        self._blanks()
        return self._take_here(text)

    def _take_here(self, text: str) -> bool:
        if not self._source.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self.error(f"{text!r} is expected")

    def _name(self) -> str:
        self._blanks()
        found = _NAME.match(self._source, self._at)
        if found is None:
            raise self.error("a name is expected")
        self._at = found.end()
        return found[0]
