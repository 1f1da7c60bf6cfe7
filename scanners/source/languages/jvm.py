"""Java and Kotlin."""

from __future__ import annotations

import re

from scanners.source.languages.grammar import Language, types

_READS = re.compile(r"(?:java\.lang\.)?System\.getenv(?:\(\)\.(?:get|getOrDefault|containsKey|getValue|getOrElse))?")
_ENVIRONMENT = re.compile(r"(?:java\.lang\.)?System\.getenv\(\)")
_SETTINGS = re.compile(
    r"(?:\w+\.)*(?:(?:env|environment|config)\.(?:getProperty|getRequiredProperty)|(?:dotenv|config)\.get)",
    re.IGNORECASE,
)
_CLIENTS = re.compile(
    r".*(?:forAddress|forTarget|URI\.create|getConnection|setJdbcUrl|jdbcUrl|baseUrl|setBootstrapServers|rootUri|uri)"
    r"|new(?:\w+\.)*(?:URL|URI|Socket|Jedis\w*|\w+Client|\w+Producer(?:<>)?|\w+Consumer(?:<>)?)"
)
_TAG = re.compile(
    r"@(?:\w+\.)*(?:Named\(\"(?=[A-Z])|Value\([^)]*?\$\{|ConfigProperty\((?:name\s*=\s*)?\")"
    r"([A-Z][A-Z0-9_]*|[a-z][\w\-]*(?:\.[\w\-]+)+)[:}\"]"
)
"""A property in small letters is read from the variable that it relaxes to: `cart.url` from `CART_URL`."""

JAVA = Language(
    name="java",
    suffixes=(".java",),
    grammar=("tree_sitter_java", "language"),
    functions=types("method_declaration constructor_declaration compact_constructor_declaration"),
    lambdas=types("lambda_expression"),
    scopes=types(
        "class_declaration interface_declaration enum_declaration record_declaration annotation_type_declaration"
    ),
    calls=types("method_invocation object_creation_expression"),
    arguments=types("argument_list"),
    assignments=types("variable_declarator assignment_expression"),
    declares=types("variable_declarator"),
    strings=types("string_literal"),
    skipped=types("line_comment block_comment import_declaration package_declaration"),
    reads=_READS,
    environments=_ENVIRONMENT,
    settings=_SETTINGS,
    tags=(("annotation", _TAG),),
    clients=_CLIENTS,
)
KOTLIN = Language(
    name="kotlin",
    suffixes=(".kt", ".kts"),
    grammar=("tree_sitter_kotlin", "language"),
    functions=types("function_declaration secondary_constructor"),
    scopes=types("class_declaration object_declaration companion_object"),
    calls=types("call_expression constructor_invocation"),
    arguments=types("value_arguments"),
    subscripts=types("index_expression"),
    assignments=types("property_declaration assignment class_parameter"),
    declares=types("property_declaration"),
    strings=types("string_literal multiline_string_literal"),
    skipped=types("line_comment block_comment import package_header"),
    reads=_READS,
    environments=_ENVIRONMENT,
    settings=_SETTINGS,
    tags=(("annotation", _TAG),),
    inlined=re.compile(r"\$([A-Za-z_]\w*)"),
    clients=re.compile(_CLIENTS.pattern + r"|(?:URL|URI|Socket|Jedis|\w+Client|\w+Producer|\w+Consumer)(?:<.*>)?"),
)
