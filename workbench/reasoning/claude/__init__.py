"""Claude: the reasoner that reads what is semantic, on top of the statistical one's evidence.

Lives here: the reasoner (`reasoner`), the case as a conversation (`conversation`, `evidence`, `quoting`), the tools
and what comes back through them (`tools`, `conclusion`), the call over the wire with its retries (`calls`, the only
importer of anthropic, when it is first needed), and list prices (`prices`). Prompts stand in `reasoning/prompts`.

May import: ontology, memory.protocol, workbench.nouns, workbench.ports, workbench.signals; anthropic lazily.

To add a tool: one more `Modality`, or an entry in `tools.TOOLS` and how its call is read; its arguments are built from
the ids of the case, never passed on as text. To change a prompt: raise the version in its header.
"""

from workbench.reasoning.claude.calls import Caller, Hold, Ledger
from workbench.reasoning.claude.prices import PRICES, Price, price_of
from workbench.reasoning.claude.reasoner import ClaudeReasoner

__all__ = ["PRICES", "Caller", "ClaudeReasoner", "Hold", "Ledger", "Price", "price_of"]
