"""Languages of source code, one table each: node types of its tree-sitter grammar, and how it reads the environment.

Lives here: `grammar` (what a table holds, and how a text is parsed) and one module a language or family. Whatever
walks the trees is elsewhere (`scanners.source.tree_code`, `scanners.source.flow_code`), and the same for all.

May import: nothing of the workbench. Grammars are loaded at the first file of their language.

To add one: copy the nearest table, print the tree of a ten-line program of the new language, change the words, name
the table in `LANGUAGES`, and give it a program in `tests/scanners/test_source_languages.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from scanners.source.languages.cpp import CPP
from scanners.source.languages.csharp import CSHARP
from scanners.source.languages.ecmascript import JAVASCRIPT, TSX, TYPESCRIPT
from scanners.source.languages.elixir import ELIXIR
from scanners.source.languages.go import GO
from scanners.source.languages.grammar import Language
from scanners.source.languages.jvm import JAVA, KOTLIN
from scanners.source.languages.php import PHP
from scanners.source.languages.ruby import RUBY
from scanners.source.languages.rust import RUST

LANGUAGES = (GO, JAVASCRIPT, TYPESCRIPT, TSX, JAVA, KOTLIN, CSHARP, RUST, RUBY, PHP, CPP, ELIXIR)
BY_SUFFIX: Mapping[str, Language] = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
