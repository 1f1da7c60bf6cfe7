"""PHP. `$_SERVER` holds the environment, and beside it what the web server says of a request, which is left out."""

from __future__ import annotations

import re

from scanners.source.languages.grammar import Language, types

PHP = Language(
    name="php",
    suffixes=(".php",),
    grammar=("tree_sitter_php", "language_php"),
    functions=types("function_definition method_declaration"),
    lambdas=types("anonymous_function arrow_function anonymous_function_creation_expression"),
    scopes=types("class_declaration interface_declaration trait_declaration enum_declaration"),
    calls=types(
        "function_call_expression member_call_expression nullsafe_member_call_expression scoped_call_expression"
        " object_creation_expression"
    ),
    arguments=types("arguments"),
    subscripts=types("subscript_expression"),
    assignments=types("assignment_expression const_element property_element array_element_initializer"),
    strings=types("string encapsed_string heredoc_body nowdoc_body"),
    names=types("name variable_name"),
    skipped=types("comment namespace_use_declaration unset_statement"),
    reads=re.compile(r"\\?getenv|\\?env|Env::get(?:OrFail)?"),
    environments=re.compile(r"\$_ENV|\$_SERVER"),
    foreign=re.compile(
        r"(?:HTTP|REQUEST|REMOTE|SERVER|SCRIPT|PATH|QUERY|DOCUMENT|CONTENT|REDIRECT|PHP|AUTH|ORIG|SSL|GATEWAY)_\w+|HTTPS|argv|argc"
    ),
    clients=re.compile(
        r"curl_(?:init|setopt)|file_get_contents|fsockopen|mysqli_connect|pg_connect|new\\?(?:\w+\\)*(?:PDO|mysqli|\w*Client|Redis)(?:::\w+)?"
    ),
)
