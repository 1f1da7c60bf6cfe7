"""From outlines to meaning: which function reads which variable or flag, and whom it is a client of. Pure.

Values are followed by name: constants, what is assigned, parameters that reach a read or a client, so that the place
that names the variable is the place that reads it. Functions that hand a name on are known in all files of a language.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from scanners.references import names_an_address
from scanners.source.flow_values import Found, Origin, Values, last_word, uses
from scanners.source.languages.grammar import Language
from scanners.source.nouns import Client, FlagRead, HostText, Module, Read, Watch, hosts, line_of, tells, unwatched
from scanners.source.outline import Argument, Assignment, Call, Function, Outline
from scanners.source.own_clients import Known, addressed
from scanners.source.tree_code import outline

ROUNDS = 3
"""Names, and functions, through which a value is followed."""
_UPPER = re.compile(r"[A-Z][A-Z0-9_]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
_FLAG = re.compile(
    r"(?:get|fetch|use|resolve)?_?(?:bool(?:ean)?|str(?:ing)?|number|int(?:eger)?|float|double|object|struct)_?(?:flag)?_?"
    r"(?:value|details|variation|evaluation)(?:_?details)?(?:_?async)?",
    re.IGNORECASE,
)
_FLAG_OWNERS = re.compile(
    r"(?:.*[.:>])?(?:\w*unleash\w*|\w*flipper\w*|FunWithFlags|\w*features?|\w*flags?|ld_?client)(?:[.:]|->)+"
    r"(?:is_?enabled|enabled\??|variation|is_?on|is_?active)[?!]?|(?:useFlag|useFeatureFlag|useVariant)",
    re.IGNORECASE,
)
_OFREP = re.compile(r"/ofrep/v1/evaluate/flags/([\w.\-]*)")
_CLIENT = re.compile(
    r".*(?:\.|::|->)(?:(?:get|post|put|patch|delete)(?:_?for_?(?:object|entity|location)|(?:from|as)?(?:json|string|stream|bytes)?async)"
    r"|get|post|put|patch|delete|head|request|fetch|connect|dial|open|send_?request|create_?channel"
    r"|for_?address|for_?target|insecure_?channel|secure_?channel|from_?url|new_?client|create_?client|uri|base_?url)[!]?"
    r"|(?:new)?(?:\w+(?:\.|::|\\))*[A-Z]\w*(?:Client|Stub|Connection|DataSource|Producer|Consumer|Channel)"
    r"(?:(?:\.|::|->)(?:new|create|builder))?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"get|post|put|patch|delete|head|options|request|fetch|open", re.IGNORECASE)
"""Verbs of clients that dictionaries and caches know too: what they are asked for may be a key."""
_CREDENTIALS = re.compile(r"create_?(?:insecure|ssl)|(?:insecure|ssl)_?(?:channel_?)?credentials", re.IGNORECASE)
"""What gRPC makes a client with, whatever the class of the client is called."""
_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?(?:\.[a-z0-9\-]+)*", re.IGNORECASE)
_KEYS = 20
"""Named arguments of a call that are looked at."""
_HOST_KEYS = frozenset({"host", "hostname", "server"})
_ASKED = re.compile(r"(\w+)\.(?:get|getOrDefault|getValue|containsKey|fetch|key\?|dig|has)")
"""What an object is asked for by key: the environment, where the object is another name of it."""
_SELF = frozenset({"", "this", "self", "$this", "static", "Self", "@", "this.#"})
_CONTEXTS = frozenset({"ctx", "context"})
_NO_CLIENT = frozenset({"new", "append", "push", "put", "log", "print", "string", "close"})


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A function that hands one of its parameters on to a read."""

    kind: str
    """`env`, `flag` or `client`."""
    name: str
    scope: str
    position: int


def wrappers(outlines: Iterable[Outline], language: Language) -> tuple[Wrapper, ...]:
    """Return the functions of a language that hand a name on, but for names that another function has too."""
    found: dict[str, Wrapper] = {}
    functions: dict[str, int] = {}
    for each in outlines:
        flow = _Flow(each, language=language, elsewhere=())
        flow.find()
        found |= {one.name: one for one in flow.wrappers if one.kind != "client"}
        for function in each.functions:
            functions[function.name] = functions.get(function.name, 0) + 1
    return tuple(one for name, one in found.items() if functions[name] == 1)


def values(source: Outline, language: Language, elsewhere: Iterable[Wrapper]) -> Mapping[str, Origin | None]:
    """Return the names that a file gives a value, and the variables that they hold: None is none."""
    flow = _Flow(source, language=language, elsewhere=elsewhere)
    flow.find()
    for _ in range(ROUNDS if flow.reads or source.tags else 0):
        flow.hold()
    return dict.fromkeys(flow.bound) | flow.held_everywhere()


def shared(files: Iterable[Mapping[str, Origin | None]]) -> dict[str, Origin]:
    """Return the names that hold variables, and are given a value in one file only."""
    files = list(files)
    given = Counter(name for each in files for name in each)
    return {name: origin for each in files for name, origin in each.items() if origin and given[name] == 1}


@dataclass(slots=True, kw_only=True)
class _Flow(Values):
    """The values of one file, followed to reads, flags and clients."""

    language: Language
    elsewhere: Iterable[Wrapper]
    path: str = ""
    known: Known = field(default_factory=Known)
    """What makes a client, in all files of the language."""
    wrappers: list[Wrapper] = field(default_factory=list)
    flags: dict[int, Found] = field(default_factory=dict)
    _constants: dict[str, str] = field(default_factory=dict)
    _aliases: set[str] = field(default_factory=set)
    _hosts: dict[int, tuple[tuple[str, int | None], ...]] = field(default_factory=dict)
    _addresses: set[str] = field(default_factory=set)
    """Variables whose default is an address."""
    _apart: dict[int, tuple[tuple[str, int | None], ...]] = field(default_factory=dict)
    """Place of a client to the hosts that it is given apart from their ports."""

    def follow(self) -> None:
        """Find reads, flags and clients, through as many names and functions as rounds."""
        self.find()
        self._hosts = {each.start: found for each in self.source.texts if (found := tuple(hosts([each.text])))}
        self._find_apart()
        self._addresses = {each.name for each in self.reads.values() if each.default and [*hosts([each.default])]}
        self.trace()

    def trace(self) -> None:
        """Find clients, and what names hold; nothing where no client could be given an address."""
        if not self._may_call():
            return
        for call in self.source.calls:
            self._client(call)
        for _ in range(ROUNDS):
            self.hold()

    def own(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield the client classes of this file, and which parameters say where they call."""
        return addressed(self.source, (call for call in self.source.calls if self._surely_calls(call)))

    def given_back(self) -> Iterator[tuple[str, str, Origin]]:
        """Yield the functions that give back a client, their class, and what it is told."""
        for argument, function in self.source.returns:
            held = self._client_at(argument, function)
            if held is not None and (held.variables or held.texts):
                around = self.source.functions[function]
                yield around.name, around.scope, held

    def asks(self) -> bool:
        """Say whether a call may be of a function that gives back a client."""
        words = self.known.functions.keys()
        return bool(words) and any(name in words for _, name in self.source.words)

    def find(self) -> None:
        """Find reads and flags, and the functions that hand a name on to one."""
        self._name_constants()
        self.wrappers = [*self.elsewhere]
        for _ in range(ROUNDS):
            known = len(self.wrappers)
            for call in self.source.calls:
                self._read(call)
                self._flag(call)
            for look in self.source.looks:
                self._key(look.object, look.key, (look.start, look.end, look.line, look.function))
            if len(self.wrappers) == known:
                break

    def write(self) -> None:
        """Write into the symbols what was found."""
        for name, line, function, _ in self.source.tags:
            self.source.symbols[function].reads.append(Read(name, line))
        for read in sorted(self.reads.values(), key=lambda each: each.start):
            self.source.symbols[read.function].reads.append(Read(read.name, read.line, read.default))
        for flag in sorted(self.flags.values(), key=lambda each: each.start):
            self.source.symbols[flag.function].flags.append(FlagRead(flag.name, flag.line))
        for call in self.source.calls if self._may_call() else ():
            self._write_client(call)
        told = sorted((each.start, each.end) for each in self.source.calls if tells(each.callee))
        for text in self.source.texts:
            found = self._hosts.get(text.start, ())
            near = bisect.bisect_left(told, (text.start, 0)) if found else 0
            if any(start <= text.start < end for start, end in told[max(0, near - ROUNDS) : near]):
                continue
            self.source.symbols[text.function].hosts.extend(
                HostText(host, port, line_of(host, text.text, text.line)) for host, port in found
            )

    def _may_call(self) -> bool:
        """Say whether there is an address that a client could be given."""
        return (
            bool(self.reads or self._hosts or self._apart or self.source.tags)
            or any(name in self.others for _, name in self.source.words)
            or self.asks()
        )

    # names

    def _name_constants(self) -> None:
        """Keep the names that hold one text only, and the names of the environment."""
        known = {(each.function, each.name) for each in self.source.assignments if each.local and each.declared}
        self.source.assignments[:] = [
            each if each.declared or (each.function, each.name) in known else replace(each, local=False)
            for each in self.source.assignments
        ]
        texts: dict[str, set[str | None]] = {}
        for each in self.source.assignments:
            texts.setdefault(each.name, set()).add(each.value.literal)
            if self.language.environments.fullmatch(each.text) and each.local:
                self._aliases.add(each.name)
            elif self.language.reads.fullmatch(each.text):
                self._aliases.add(each.name + "()")
        for name, values in texts.items():
            only = next(iter(values)) if len(values) == 1 else None
            if only is not None:
                self._constants[name] = only

    def _word(self, argument: Argument, function: int) -> str | None:
        """Return the text that an argument is, written out or by a constant."""
        if argument.literal is not None or argument.name is None:
            return argument.literal
        return None if self._parameter(argument.name, function) else self._constants.get(argument.name)

    def _parameter(self, name: str, function: int) -> tuple[Function, int] | None:
        """Return the function around whose parameter that name is, and its position."""
        while function:
            around = self.source.functions[function]
            if name in around.parameters:
                return around, around.parameters.index(name)
            function = around.parent
        return None

    # reads and flags

    def _read(self, call: Call) -> None:
        language, place = self.language, (call.start, call.end, call.line, call.function)
        if call.arguments:
            asked = _ASKED.fullmatch(call.callee)
            direct = bool(language.reads.fullmatch(call.callee)) or f"{call.callee}()" in self._aliases
            direct |= asked is not None and asked[1] in self._aliases
            setting = language.settings.fullmatch(call.callee)
            if direct or setting:
                self._keep_read(call.arguments[0], place, call, upper=not direct)
                return
            self._bound(call)
        for wrapper in self._wrapping(call, "env"):
            argument = call.arguments[wrapper.position]
            own = wrapper in self.elsewhere or not self._of_us(call.callee, wrapper)
            self._keep_read(argument, place, call, upper=own)

    def _bound(self, call: Call) -> None:
        """Keep the variables that a call binds to a key of the configuration, or that stand for the key it asks for."""
        names = []
        if self.language.bound.fullmatch(call.callee):
            several = [self._word(each, call.function) for each in call.arguments[1:]]
            only = self._word(call.arguments[0], call.function) or ""
            names = [each for each in several if each] or [re.sub(r"[.\-]", "_", only).upper()]
        for pattern, shape in self.language.derived:
            if pattern.fullmatch(call.callee) and (key := self._word(call.arguments[0], call.function)):
                names.append(shape.format(key))
        for index, name in enumerate(names):
            place = (call.start + index, call.end, call.line, call.function)
            self._keep_read(Argument(0, 0, name), place, None, upper=False)

    def _key(self, inside: str, key: Argument, place: tuple[int, int, int, int]) -> None:
        direct = self.language.environments.fullmatch(inside) or inside in self._aliases
        if direct or self.language.settings.fullmatch(inside):
            self._keep_read(key, place, None, upper=not direct)

    def _keep_read(self, key: Argument, place: tuple[int, int, int, int], call: Call | None, *, upper: bool) -> None:
        start, end, line, function = place
        name = self._word(key, function)
        if name is None:
            self._hand_on(key, function, "env")
            return
        if not (_UPPER if upper else _VARIABLE).fullmatch(name) or self.language.foreign.fullmatch(name):
            return
        rest = call.arguments if call else ()
        default = next((each.literal for each in rest if each is not key and each.literal is not None), None)
        out = next((each.name for each in rest if each.out and each is not key), None)
        fallback = self.source.defaults.get((start, end), default)
        self.reads[start] = Found(name, line, start, end, function, fallback, out)

    def _flag(self, call: Call) -> None:
        asked = _FLAG.fullmatch(last_word(call.callee)) and len(call.arguments) >= 2
        if asked or (_FLAG_OWNERS.fullmatch(call.callee) and call.arguments):
            keys = [each for each in call.arguments[:2] if each.name not in _CONTEXTS]
            for key in sorted(keys, key=lambda each: each.literal is None):
                if self._keep_flag(key, call):
                    return
        for wrapper in self._wrapping(call, "flag"):
            self._keep_flag(call.arguments[wrapper.position], call)
        self._asked_over_http(call)

    def _keep_flag(self, key: Argument, call: Call) -> bool:
        name = self._word(key, call.function)
        if name is None:
            return self._hand_on(key, call.function, "flag")
        if not _VARIABLE.fullmatch(name):
            return False
        self.flags.setdefault(call.start, Found(name, call.line, call.start, call.end, call.function))
        return True

    def _asked_over_http(self, call: Call) -> None:
        """Keep a flag that is asked for by the OpenFeature remote evaluation protocol: its name ends the path."""
        for argument in call.arguments:
            for text in self.texts(argument.start, argument.end):
                match = _OFREP.search(text)
                if match and match[1]:
                    self.flags.setdefault(call.start, Found(match[1], call.line, call.start, call.end, call.function))
                elif match:
                    for name in [name for _, name in self.words(argument.start, argument.end)][::-1]:
                        if self._hand_on(Argument(0, 0, None, name), call.function, "flag"):
                            break

    def _hand_on(self, key: Argument, function: int, kind: str) -> bool:
        """Keep the function whose parameter is handed on; say whether there is one."""
        held = self._parameter(key.name, function) if key.name else None
        if held is None:
            return False
        around, position = held
        wrapper = Wrapper(kind, around.name, around.scope, position)
        if wrapper not in self.wrappers and around.name:
            self.wrappers.append(wrapper)
        return True

    def _wrapping(self, call: Call, kind: str) -> Iterator[Wrapper]:
        last = last_word(call.callee)
        for wrapper in self.wrappers:
            if wrapper.kind == kind and wrapper.name == last and wrapper.position < len(call.arguments):
                yield wrapper

    def _of_us(self, callee: str, wrapper: Wrapper) -> bool:
        """Say whether a call names the wrapper without a doubt: bare, or by its own class."""
        receiver = callee[: -len(wrapper.name)].rstrip(".:>-#")
        return receiver in _SELF or receiver == wrapper.scope

    # clients

    def _client(self, call: Call) -> None:
        """Keep a call that makes or uses a client, and the function whose parameter is its address."""
        if call.start in self.reads or call.start in self.flags:
            return
        own = bool(call.arguments) and bool(self.known.places(call.callee, self.path))
        if not own and not self._makes_client(call):
            return
        self.clients.setdefault(call.start, call)
        if own:
            self.constructed.add(call.start)
        for argument in call.arguments:
            for _, name in self.words(argument.start, argument.end):
                if names_an_address(name) or argument.name == name:
                    self._hand_on(Argument(0, 0, None, name), call.function, "client")

    def _makes_client(self, call: Call) -> bool:
        if self.language.clients.fullmatch(call.callee) or _CLIENT.fullmatch(call.callee):
            return True
        words = (name for each in call.arguments[1:] for _, name in self.words(each.start, each.end))
        return any(_CREDENTIALS.fullmatch(name) for name in words)

    def _surely_calls(self, call: Call) -> bool:
        """Say whether a call is a client's by more than a verb that dictionaries know too."""
        if self.language.clients.fullmatch(call.callee):
            return True
        return _CLIENT.fullmatch(call.callee) is not None and not _PLAIN.fullmatch(last_word(call.callee))

    def _is_key(self, call: Call) -> bool:
        """Say whether what a call is given is the key of a dictionary or a cache: a text without slash or scheme."""
        if not call.arguments or self._surely_calls(call) or not _PLAIN.fullmatch(last_word(call.callee)):
            return False
        first = call.arguments[0]
        texts = self.texts(first.start, first.end)
        read = any(first.start <= at < first.end for at in self.reads)
        return bool(texts) and not read and not any("/" in text for text in texts)

    def _client_at(self, value: Argument, function: int) -> Origin | None:
        """Return what a client is told, if a value is one: made here, by name, or given back by a function."""
        held = self.value_of(value.name, value.start, function) if value.name else Origin()
        if held.client:
            return held
        call = next((each for each in self.calls_at(value.start) if each.end == value.end), None)
        if call is None:
            return None
        if self.clients.get(call.start) == call and (call.start in self.constructed or not uses(call)):
            return replace(self.behind(value.start, value.end, function), client=True)
        return self.known.given_back(call.callee, self.path)

    def given_to(self, assignment: Assignment) -> Origin | None:
        """Return what a client is told that a function gives back to a name."""
        value = assignment.value
        call = next((each for each in self.calls_at(value.start) if each.end == value.end), None)
        return self.known.given_back(call.callee, self.path) if call else None

    def _find_apart(self) -> None:
        """Keep the hosts that clients are given apart from their ports: `("db", 5432)`, `host: "db", port: 5432`."""
        keyed = sorted(
            (each.value.start, each.name, each.value.literal or "", each.value.number)
            for each in self.source.assignments
            if (each.name in _HOST_KEYS and each.value.literal) or (each.name == "port" and each.value.number)
        )
        for call in self.source.calls:
            first, second = (*call.arguments, None, None)[:2]
            given: list[tuple[str, int | None]] = []
            if first and second and first.literal and second.number:
                given.append((first.literal, second.number))
            if call.arguments and keyed:
                low, high = (bisect.bisect_left(keyed, at, key=lambda each: each[0]) for at in (call.start, call.end))
                within = keyed[low : min(high, low + _KEYS)]
                port = next((number for _, name, _, number in within if name == "port"), None)
                given += [(text, port) for _, name, text, _ in within if name != "port"]
            texts = [f"tcp://{host}:{port or ''}".rstrip(":") for host, port in given if _HOST_NAME.fullmatch(host)]
            if texts and self._makes_client(call) and (found := tuple(hosts(texts))):
                self._apart[call.start] = found

    def _write_client(self, call: Call) -> None:
        """Write down whom a call is a client of, where its address is known."""
        if call.start in self.reads or call.start in self.flags:
            return
        origin = Origin()
        if call.start in self.clients and not self._is_key(call):
            places = self.known.places(call.callee, self.path) if call.start in self.constructed else ()
            for index, argument in enumerate(call.arguments):
                if not places or index in places:
                    origin |= self.behind(argument.start, argument.end, call.function)
        for wrapper in self._wrapping(call, "client"):
            argument = call.arguments[wrapper.position]
            origin |= self.behind(argument.start, argument.end, call.function)
        origin |= self._of_receiver(call)
        variables = tuple(sorted(name for name in origin.variables if self._is_address(name)))
        apart = self._apart.get(call.start, ())
        written = tuple(dict.fromkeys((*apart, *hosts(sorted(origin.texts)))))
        symbol = self.source.symbols[call.function]
        symbol.hosts.extend(HostText(host, port, call.line) for host, port in apart)
        if variables or written:
            self.source.symbols[call.function].clients.append(Client(call.line, variables, written))

    def _is_address(self, variable: str) -> bool:
        """Say whether a variable holds an address, by its name or by its default."""
        return names_an_address(variable) or variable in self._addresses

    def _of_receiver(self, call: Call) -> Origin:
        """Return the origin of the client whose method is called."""
        method = last_word(call.callee)
        if method.lower() in _NO_CLIENT:
            return Origin()
        inner = [each for each in self.calls_at(call.start) if each.end < call.end]
        if inner and "." + method in call.callee.replace("->", ".").replace("::", "."):
            last = max(inner, key=lambda each: each.end)
            return self._client_at(Argument(last.start, last.end), call.function) or Origin()
        receiver = re.fullmatch(r"(?:.*[.>:@])?([A-Za-z_]\w*)(?:\.|->|::)([A-Za-z_]\w*)", call.callee)
        if receiver is None:
            return Origin()
        held = self.value_of(receiver[1], call.start, call.function)
        if not held.client and self._parameter(receiver[1], call.function) is None:
            held = self.known.given_back(receiver[1], self.path) or held
        return held if held.client else Origin()


def read_tree(text: str, language: Language) -> Module:
    r"""Return what a source text reads and whom it calls.

    Raises:
        SyntaxError, ValueError: it is not of that language, or made to harm.

    >>> from scanners.source.languages import BY_SUFFIX
    >>> module = read_tree('package a\nfunc pay() { x := os.Getenv("PAYMENT_URL") }', BY_SUFFIX[".go"])
    >>> [(symbol.name, [read.name for read in symbol.reads]) for symbol in module.symbols]
    [('', []), ('pay', ['PAYMENT_URL'])]
    """
    return next(module for _, module in _followed({"": outline(text, language)}, language, (), {}, unwatched))


def read_trees(
    texts: Mapping[str, str], watch: Watch = unwatched, *, language: Language
) -> Iterator[tuple[str, Module | Exception]]:
    """Yield what each file of a language says, or why it is set aside; the files may use each other's functions."""
    outlines: dict[str, Outline] = {}
    for name, text in texts.items():
        watch(name)
        try:
            outlines[name] = outline(text, language)
        except (SyntaxError, ValueError, MemoryError) as error:
            yield name, error
    known = wrappers(outlines.values(), language)
    files = []
    for name, each in outlines.items():
        watch(name)
        files.append(values(each, language, known))
    yield from _followed(outlines, language, known, shared(files), watch)


def _followed(
    outlines: Mapping[str, Outline],
    language: Language,
    known: tuple[Wrapper, ...],
    others: Mapping[str, Origin],
    watch: Watch,
) -> Iterator[tuple[str, Module]]:
    """Yield what each file says, now that the client classes and the clients that functions give back are known."""
    clients = Known()
    flows: dict[str, _Flow] = {}
    for name, each in outlines.items():
        watch(name)
        flows[name] = _Flow(each, language=language, elsewhere=known, path=name, known=clients)
        flows[name].others = others
        for own, places in flows[name].own():
            clients.classes[own].append((name, places))
    for name, flow in flows.items():
        watch(name)
        flow.follow()
    for name, flow in flows.items():
        for function, scope, held in flow.given_back():
            clients.functions[function].append((name, scope, held))
    for name, flow in flows.items():
        watch(name)
        if flow.asks():
            flow.trace()
        flow.write()
        yield name, Module(tuple(flow.source.symbols))
