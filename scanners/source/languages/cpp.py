"""C++ (and C, whose programs its grammar reads)."""

from __future__ import annotations

import re

from scanners.source.languages.grammar import Language, types

CPP = Language(
    name="cpp",
    suffixes=(".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".h", ".c"),
    grammar=("tree_sitter_cpp", "language"),
    functions=types("function_definition"),
    lambdas=types("lambda_expression"),
    scopes=types("class_specifier struct_specifier"),
    calls=types("call_expression new_expression"),
    arguments=types("argument_list"),
    subscripts=types("subscript_expression"),
    assignments=types("init_declarator assignment_expression preproc_def field_declaration"),
    declares=types("init_declarator"),
    strings=types("string_literal raw_string_literal"),
    names=types("identifier field_identifier"),
    skipped=types("comment preproc_include"),
    reads=re.compile(r"(?:std::|::)?(?:secure_)?getenv(?:_s)?|qgetenv|qEnvironmentVariable(?:IsSet)?"),
    clients=re.compile(
        r"(?:\w+::)*Create(?:Custom)?Channel|curl_easy_setopt|(?:\w+::)*(?:redisConnect|mysql_real_connect|PQconnectdb|connect)"
    ),
)
