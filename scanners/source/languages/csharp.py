"""C#. An indexer of the configuration reads the environment too: .NET lays the environment over every other source."""

from __future__ import annotations

import re

from scanners.source.languages.grammar import Language, types

CSHARP = Language(
    name="csharp",
    suffixes=(".cs",),
    grammar=("tree_sitter_c_sharp", "language"),
    functions=types("method_declaration constructor_declaration local_function_statement operator_declaration"),
    lambdas=types("lambda_expression anonymous_method_expression"),
    scopes=types(
        "class_declaration struct_declaration interface_declaration record_declaration record_struct_declaration"
    ),
    calls=types("invocation_expression object_creation_expression"),
    arguments=types("argument_list"),
    subscripts=types("element_access_expression"),
    assignments=types("variable_declarator assignment_expression"),
    declares=types("variable_declarator"),
    strings=types("string_literal verbatim_string_literal raw_string_literal interpolated_string_expression"),
    skipped=types("comment using_directive"),
    reads=re.compile(r"(?:System\.)?Environment\.GetEnvironmentVariable"),
    settings=re.compile(
        r"(?:\w+\.)*\w*config(?:uration)?(?:\.(?:GetValue|GetSection|GetRequiredSection)(?:<[\w?]+>)?)?", re.IGNORECASE
    ),
    derived=((re.compile(r"(?:.*\.)?GetConnectionString"), "ConnectionStrings__{}"),),
    clients=re.compile(
        r".*\.(?:ForAddress|UseNpgsql|UseSqlServer|UseMySql|ConnectAsync|AddNpgsqlDataSource|AddRedis|AddNpgSql)"
        r"|new(?:\w+\.)*(?:Uri|\w+Client|\w+Connection|\w+Config)|(?:\w+\.)*ConnectionMultiplexer\.Connect"
    ),
)
