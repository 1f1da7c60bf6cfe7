"""Go."""

from __future__ import annotations

import re

from scanners.source.languages.grammar import Language, types

GO = Language(
    name="go",
    suffixes=(".go",),
    grammar=("tree_sitter_go", "language"),
    functions=types("function_declaration method_declaration"),
    lambdas=types("func_literal"),
    calls=types("call_expression"),
    arguments=types("argument_list"),
    subscripts=types("index_expression"),
    assignments=types("short_var_declaration assignment_statement var_spec const_spec keyed_element"),
    declares=types("short_var_declaration var_spec const_spec"),
    strings=types("interpreted_string_literal raw_string_literal"),
    names=types("identifier field_identifier"),
    skipped=types("comment import_declaration package_clause"),
    reads=re.compile(r"(?:os\.(?:Getenv|LookupEnv)|syscall\.Getenv)"),
    tags=(
        ("field_declaration", re.compile(r"\b(?:env|envconfig):\"([A-Z][A-Z0-9_]*)[\",]")),
        ("keyed_element", re.compile(r"^EnvVars?:\s*(?:\[\]string\{|cli\.EnvVars\()?\"([A-Z][A-Z0-9_]*)\"")),
    ),
    bound=re.compile(r"(?:\w+\.)*BindEnv|.*\.Envar"),
    clients=re.compile(
        r"grpc\.(?:Dial|DialContext|NewClient)|sqlx?\.(?:Open|Connect|MustConnect)|http\.(?:NewRequest|NewRequestWithContext)"
        r"|otelhttp\.\w+|sarama\.New\w+|mongo\.Connect|amqp\.Dial|pgxpool\.\w+|net\.Dial\w*|kafka\.\w+|nats\.Connect"
    ),
)
