"""Rust. What stands in a macro is a tree of tokens: calls in it are recognised by a name before parentheses."""

from __future__ import annotations

import re

from scanners.source.languages.grammar import Language, types

RUST = Language(
    name="rust",
    suffixes=(".rs",),
    grammar=("tree_sitter_rust", "language"),
    functions=types("function_item"),
    scopes=types("impl_item trait_item mod_item"),
    calls=types("call_expression macro_invocation"),
    arguments=types("arguments token_tree"),
    subscripts=types("index_expression"),
    assignments=types("let_declaration assignment_expression const_item static_item field_initializer"),
    declares=types("let_declaration const_item static_item"),
    strings=types("string_literal raw_string_literal"),
    names=types("identifier field_identifier shorthand_field_identifier"),
    skipped=types("line_comment block_comment use_declaration inner_attribute_item"),
    reads=re.compile(r"(?:std::)?env::(?:var|var_os)|(?:(?:std|core)::)?(?:option_)?env!|dotenvy?::var"),
    tags=(("attribute_item", re.compile(r"^#\[(?:arg|clap|structopt)\((?s:.*)\benv\s*=\s*\"([A-Z][A-Z0-9_]*)\"")),),
    inlined=re.compile(r"(?<!\{)\{([a-z_]\w*)[:}]"),
    clients=re.compile(
        r"reqwest::(?:\w+::)*(?:get|Client.*)|.*Endpoint::(?:from_static|from_shared|try_from|new)|.*Client::connect"
        r"|.*Client::open|PgPool(?:Options)?::.*connect|.*TcpStream::connect"
    ),
)
