"""Elixir, where even a definition is a call."""

from __future__ import annotations

import re

from scanners.source.languages.grammar import Language, types

ELIXIR = Language(
    name="elixir",
    suffixes=(".ex", ".exs"),
    grammar=("tree_sitter_elixir", "language"),
    definers=types("def defp defmacro defmacrop defmodule defimpl defprotocol"),
    calls=types("call"),
    arguments=types("arguments"),
    subscripts=types("access_call"),
    assignments=types("binary_operator unary_operator pair"),
    strings=types("string atom charlist"),
    skipped=types("comment"),
    reads=re.compile(r"System\.(?:get_env|fetch_env!?)"),
    environments=re.compile(r"System\.get_env(?:\(\))?"),
    prose=re.compile(r"@(?:module|type|short)?doc\b"),
    clients=re.compile(
        r"(?:HTTPoison|Req|Tesla|Finch|HTTPotion|Mint\.HTTP|:?httpc)\.\w+!?|GRPC\.Stub\.connect|Redix\.start_link"
        r"|Postgrex\.start_link|:gen_tcp\.connect"
    ),
)
