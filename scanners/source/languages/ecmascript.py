"""JavaScript, TypeScript and TSX, in Node, Deno, Bun, bundlers and k6."""

from __future__ import annotations

import re
from dataclasses import replace

from scanners.source.languages.grammar import Language, types

JAVASCRIPT = Language(
    name="javascript",
    suffixes=(".js", ".jsx", ".mjs", ".cjs"),
    grammar=("tree_sitter_javascript", "language"),
    functions=types("function_declaration generator_function_declaration method_definition"),
    lambdas=types("arrow_function function_expression function generator_function"),
    scopes=types("class_declaration class abstract_class_declaration internal_module"),
    calls=types("call_expression new_expression"),
    arguments=types("arguments template_string"),
    subscripts=types("subscript_expression"),
    members=types("member_expression"),
    assignments=types(
        "variable_declarator assignment_expression pair field_definition public_field_definition assignment_pattern"
    ),
    declares=types("variable_declarator"),
    strings=types("string template_string"),
    names=types("identifier property_identifier shorthand_property_identifier private_property_identifier"),
    skipped=types("comment import_statement"),
    reads=re.compile(r"Deno\.env\.get"),
    environments=re.compile(r"(?:globalThis\.)?process\.env|import\.meta\.env|Bun\.env|__ENV"),
    imported=re.compile(
        r"(?:const|let|var|import)\s*\{[^{}]*\benv\b(?:\s*(?:as|:)\s*(\w+))?[^{}]*\}\s*(?:=|from)\s*(?:require\()?['\"]?(?:node:)?"
        r"process\b(?!\.)"
    ),
    prose=re.compile(r"delete\b"),
    tags=(("pair", re.compile(r"^env:\s*['\"]([A-Z][A-Z0-9_]+)['\"]")),),  # convict's schema
    clients=re.compile(
        r"fetch|(?:\w+\.)*axios(?:\.\w+)?|new(?:\w+\.)*\w*(?:Client|Pool|Kafka|Redis|Sequelize|WebSocket|EventSource)"
        r"|(?:\w+\.)*(?:createClient|createConnection|createPool)|https?\.(?:get|request|post)"
    ),
)
TYPESCRIPT = replace(
    JAVASCRIPT,
    name="typescript",
    suffixes=(".ts", ".mts", ".cts"),
    grammar=("tree_sitter_typescript", "language_typescript"),
)
TSX = replace(TYPESCRIPT, suffixes=(".tsx",), grammar=("tree_sitter_typescript", "language_tsx"))
