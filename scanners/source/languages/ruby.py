"""Ruby."""

from __future__ import annotations

import re

from scanners.source.languages.grammar import Language, types

RUBY = Language(
    name="ruby",
    suffixes=(".rb", ".ru", ".rake"),
    grammar=("tree_sitter_ruby", "language"),
    functions=types("method singleton_method"),
    lambdas=types("lambda"),
    scopes=types("class module"),
    calls=types("call"),
    arguments=types("argument_list"),
    subscripts=types("element_reference"),
    assignments=types("assignment operator_assignment pair"),
    strings=types("string simple_symbol"),
    names=types("identifier constant instance_variable class_variable global_variable"),
    skipped=types("comment"),
    reads=re.compile(r"(?:::)?ENV\.(?:fetch|key\?|has_key\?|include\?|dig)"),
    environments=re.compile(r"(?:::)?ENV"),
    clients=re.compile(
        r"Net::HTTP\.\w+|Faraday\.\w+|HTTParty\.\w+|URI(?:\.parse)?|(?:\w+::)*(?:Stub|Client|Redis|Connection|Kafka)\.(?:new|connect)"
        r"|(?:PG|Sequel)\.connect|RestClient\.\w+|Bunny\.new"
    ),
)
