// The part of the estate that a drawing shows, read from the columns of `application/vnd.workbench.graph+json`.

/** The object as `workbench/render/map_bundle.py` writes it. */
export interface IBundle {
  version: number;
  title: string;
  say: string;
  at: string;
  past: boolean;
  hidden: number;
  thinned: boolean;
  wide: number;
  tall: number;
  sizes: [number, number][];
  focus: number[];
  base: string;
  families: string[];
  /** Kind, its short word, its family, its outline. */
  kinds: [string, string, string, string][];
  relations: string[];
  /** Layer, source, time seen, how long ago. */
  origins: [string, string, string, string][];
  evidence: string[];
  nodes: { id: string[]; name: string[]; kind: number[]; x: number[]; y: number[]; rank: number[]; district: number[] };
  /** Name, middle, size, how many things. */
  districts: [string, number, number, number, number, number][];
  /** Word of a kind, its place, how many. */
  sections: [string, number, number, number][];
  links: ITold & { from: number[]; to: number[] };
  drawn: { link: number[]; mark: string[]; way: number[][]; square: number[] };
  facts: ITold & { of: number[]; value: string[] };
}

/** What is known of a fact, a column each. */
export interface ITold {
  relation: number[];
  origin: number[];
  sure: number[];
  look: number[];
  evidence: number[];
}

/** How a line looks: bits of `look`. */
export const FUZZY = 1;
export const STALE = 2;
export const APPEARED = 4;
export const VANISHED = 8;
export const BOLD = 16;
export const FAR = 32;

/** A fact about a thing, in words. */
export interface ISaid {
  relation: string;
  /** The other thing's number, or -1 where a value is said. */
  other: number;
  /** Whether the other thing is the subject. */
  inward: boolean;
  value: string;
  layer: string;
  /** `declared, compose`, `3 min ago`, `sure 0.5`, `src/cart.py:12`. */
  known: string[];
  seen: string;
  look: number;
}

/** Things, links and facts by number. */
export class Estate {
  constructor(readonly bundle: IBundle) {
    this.size = bundle.nodes.name.length;
    const { from, to } = bundle.links;
    from.forEach((a, i) => {
      this.touching(a).push(i);
      this.touching(to[i]!).push(i);
    });
    bundle.facts.of.forEach((node, i) => (this._facts[node] ??= []).push(i));
  }

  readonly size: number;
  private _links: number[][] = [];
  private _facts: number[][] = [];

  /** Return whether things lie in districts, as there are too many for boxes with lines. */
  get large(): boolean {
    return this.bundle.districts.length > 0;
  }

  name(node: number): string {
    return this.bundle.nodes.name[node] ?? '';
  }

  /** Return the short word of the thing's kind. */
  word(node: number): string {
    return this.kind(node)[1];
  }

  family(node: number): string {
    return this.kind(node)[2];
  }

  shape(node: number): string {
    return this.kind(node)[3];
  }

  district(node: number): string {
    const at = this.bundle.nodes.district[node];
    return at === undefined ? '' : (this.bundle.districts[at]?.[0] ?? '');
  }

  /** Return the kind's word, the district, and the names above its own that tell it apart: `env var in shop, cart`. */
  whereabouts(node: number): string {
    const district = this.district(node);
    const word = this.word(node);
    const above = (this.bundle.nodes.id[node] ?? '').replace(/^.*\//, '').split(':').slice(0, -1);
    const telling = above.map(readable).filter(each => ![district, word, 'default'].includes(each));
    return [word + (district ? ` in ${district}` : ''), telling.join(' ')].filter(Boolean).join(', ');
  }

  box(node: number): { x: number; y: number; w: number; h: number } {
    const { x, y, rank } = this.bundle.nodes;
    const [w, h] = this.bundle.sizes[rank[node]!] ?? [150, 40];
    return { x: x[node]!, y: y[node]!, w, h };
  }

  /** Return how many links lead from the district to each other, and to it from each: pairs of index and count. */
  traffic(index: number): { out: [number, number][]; into: [number, number][] } {
    const out = new Map<number, number>();
    const into = new Map<number, number>();
    const { district } = this.bundle.nodes;
    this.bundle.links.from.forEach((from, link) => {
      const [a, b] = [district[from]!, district[this.bundle.links.to[link]!]!];
      if (a !== b && a === index) {
        out.set(b, (out.get(b) ?? 0) + 1);
      } else if (a !== b && b === index) {
        into.set(a, (into.get(a) ?? 0) + 1);
      }
    });
    const most = (counts: Map<number, number>) => [...counts].sort((a, b) => b[1] - a[1]);
    return { out: most(out), into: most(into) };
  }

  /** Return the links that touch the thing. */
  touching(node: number): number[] {
    return (this._links[node] ??= []);
  }

  layer(link: number): string {
    return this.bundle.origins[this.bundle.links.origin[link]!]![0];
  }

  /** Return what is known of the thing: first its relations, then its values. */
  said(node: number): ISaid[] {
    const { links, facts } = this.bundle;
    const relations = this.touching(node).map(link => {
      const inward = links.from[link] !== node;
      return { ...this.told(links, link), other: inward ? links.from[link]! : links.to[link]!, inward, value: '' };
    });
    const values = (this._facts[node] ?? []).map(fact => ({
      ...this.told(facts, fact),
      other: -1,
      inward: false,
      value: facts.value[fact] ?? ''
    }));
    return [...relations, ...values];
  }

  /** Return the things whose name or kind holds the words, the best first. */
  find(words: string): number[] {
    const wanted = words.trim().toLowerCase();
    if (!wanted) {
      return [];
    }
    const scored: [number, number][] = [];
    for (let node = 0; node < this.size; node++) {
      const name = this.name(node).toLowerCase();
      const at = name.indexOf(wanted);
      const score = name === wanted ? 0 : at === 0 ? 1 : at > 0 ? 2 : this.word(node).includes(wanted) ? 3 : -1;
      if (score >= 0) {
        scored.push([score * 1e4 + (this.bundle.nodes.rank[node] ?? 0) * 1e3 + name.length, node]);
      }
    }
    return scored.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, node]) => node);
  }

  private kind(node: number): [string, string, string, string] {
    return this.bundle.kinds[this.bundle.nodes.kind[node]!] ?? ['', '', '', 'round'];
  }

  private told(of: ITold, row: number): Pick<ISaid, 'relation' | 'layer' | 'known' | 'seen' | 'look'> {
    const [layer, source, seen, age] = this.bundle.origins[of.origin[row]!]!;
    const evidence = this.bundle.evidence[of.evidence[row] ?? -1] ?? '';
    return {
      relation: this.bundle.relations[of.relation[row]!]!,
      layer,
      known: [`${layer}, ${source}`, age, `sure ${of.sure[row]}`, evidence].filter(Boolean),
      seen: seen.replace('T', ' ').replace('+00:00', ' UTC'),
      look: of.look[row]!
    };
  }
}

/** Return a part of an IRI as it was before it was encoded. */
function readable(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // not encoded by us
  }
}

/** Say what changed about a fact, or how it stands. */
export function standing(look: number): string {
  if (look & APPEARED) {
    return '+ new';
  }
  if (look & VANISHED) {
    return '\u2212 gone';
  }
  return look & STALE ? 'not confirmed lately' : '';
}
