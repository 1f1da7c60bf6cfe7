// The estate as cytoscape's elements, and how they look: kind by outline and word, certainty by the line, not by colour.

import type { EdgeSingular, ElementDefinition, StylesheetJson } from 'cytoscape';

import { APPEARED, BOLD, Estate, FAR, FUZZY, STALE, VANISHED } from './estate';
import { IPalette } from './palette';

/** Font size of a name by rank where there are districts; a name shows once it is large enough to read. */
function fonts(estate: Estate): [number, number, number] {
  return [estate.bundle.sizes[0]![1] * 0.62, 22, 11];
}

const SECTION = 30;
/** Names smaller than this are not drawn; cytoscape compares at the next higher power of two of the zoom. */
const READABLE = 10.5;

/** Return the elements: districts, lines, things, and a kind's word under each name of a small drawing. */
export function elements(estate: Estate): ElementDefinition[] {
  const made: ElementDefinition[] = estate.bundle.districts.flatMap((each, i) => district(each, i, estate.bundle.sizes[0]![1]));
  made.push(...estate.bundle.sections.map(section));
  for (let node = 0; node < estate.size; node++) {
    made.push(...thing(estate, node));
  }
  estate.bundle.drawn.link.forEach((link, i) => made.push(line(estate, link, i)));
  return made;
}

function district(
  [name, x, y, w, h, count]: [string, number, number, number, number, number],
  index: number,
  head: number
): ElementDefinition[] {
  const title = { id: `t${index}`, label: `${name}  ${count}`, w: 1, h: 1 };
  const at = { x: x - w / 2 + 18, y: y - h / 2 + head * 0.56 };
  return [
    { group: 'nodes', data: { id: `d${index}`, index, w, h }, position: { x, y }, classes: 'district' },
    { group: 'nodes', data: title, position: at, classes: 'title' }
  ];
}

function section([name, x, y, count]: [string, number, number, number], index: number): ElementDefinition {
  const data = { id: `s${index}`, label: `${name}  ${count}`, w: 1, h: 1 };
  return { group: 'nodes', data, position: { x, y }, classes: 'section' };
}

function thing(estate: Estate, node: number): ElementDefinition[] {
  const { x, y, w, h } = estate.box(node);
  const rank = estate.bundle.nodes.rank[node] ?? 1;
  const word = estate.word(node);
  const focus = estate.bundle.focus.includes(node) ? 'focus' : '';
  const name = shortened(estate.name(node), Math.floor((w - 18) / ((estate.large ? fonts(estate)[rank]! : 13) * 0.6)));
  const label = estate.large && rank > 0 ? `${name}\n${word}` : name;
  const data = { id: `n${node}`, node, label, w, h, family: estate.family(node) };
  const classes = `thing ${estate.shape(node)} ${focus} rank${estate.large ? rank : ''}`;
  const made: ElementDefinition[] = [{ group: 'nodes', data, position: { x, y }, classes }];
  if (!estate.large) {
    const under = { id: `w${node}`, of: `n${node}`, label: word, w: 1, h: 1, family: estate.family(node) };
    made.push({ group: 'nodes', data: under, position: { x, y: y + 9 }, classes: 'word' });
  }
  return made;
}

function shortened(name: string, most: number): string {
  const wide = [...name].reduce((sum, c) => sum + (c === c.toLowerCase() && c !== '_' ? 1 : 1.18), 0);
  const room = Math.max(5, Math.floor((most * name.length) / Math.max(wide, 1)));
  if (name.length <= room) {
    return name;
  }
  const tail = Math.floor((room - 1) / 2);
  return `${name.slice(0, room - 1 - tail)}\u2026${name.slice(name.length - tail)}`;
}

function line(estate: Estate, link: number, index: number): ElementDefinition {
  const { links, drawn, relations } = estate.bundle;
  const a = links.from[link]!;
  const b = links.to[link]!;
  const look = links.look[link]!;
  const classes = ['line'];
  const marks: [number, string][] = [
    [FUZZY, 'fuzzy'],
    [STALE, 'stale'],
    [APPEARED, 'appeared'],
    [VANISHED, 'vanished'],
    [BOLD, 'bold'],
    [FAR, 'far']
  ];
  marks.forEach(([bit, name]) => look & bit && classes.push(name));
  const data: Record<string, unknown> = {
    id: `e${index}`,
    source: `n${a}`,
    target: `n${b}`,
    mark: drawn.mark[index] ?? '',
    told: [relations[links.relation[link]!], drawn.mark[index]].filter(Boolean).join(' ')
  };
  const way = drawn.way[index] ?? [];
  if (way.length >= 4) {
    Object.assign(data, bends(estate, a, b, way));
    classes.push(way.length === 4 ? 'plain' : drawn.square[index] ? 'square' : 'curve');
  }
  return { group: 'edges', data, classes: classes.join(' ') };
}

/** Return a way as cytoscape says it: ends from the middles of the boxes, bends by share of and distance from the line. */
function bends(estate: Estate, a: number, b: number, way: number[]): Record<string, unknown> {
  const from = estate.box(a);
  const to = estate.box(b);
  const last = way.length - 2;
  const [sx, sy, tx, ty] = [way[0]!, way[1]!, way[last]!, way[last + 1]!];
  const [vx, vy] = [tx - sx, ty - sy];
  const length = Math.hypot(vx, vy) || 1;
  const weights: number[] = [];
  const distances: number[] = [];
  for (let i = 2; i < last; i += 2) {
    const [px, py] = [way[i]! - sx, way[i + 1]! - sy];
    weights.push((px * vx + py * vy) / (length * length));
    distances.push((-px * vy + py * vx) / length);
  }
  return {
    start: `${sx - from.x}px ${sy - from.y}px`,
    end: `${tx - to.x}px ${ty - to.y}px`,
    weights,
    distances
  };
}

/** Return cytoscape's stylesheet in the theme's colours. */
export function styles(colours: IPalette, estate: Estate): StylesheetJson {
  const { large } = estate;
  const [landmark, acting, rest] = fonts(estate);
  const { ink, paper, mute, faint, line, wash, brand, font } = colours;
  const weights = (edge: EdgeSingular) => edge.data('weights');
  const distances = (edge: EdgeSingular) => edge.data('distances');
  const ends = { 'source-endpoint': 'data(start)', 'target-endpoint': 'data(end)', 'edge-distances': 'endpoints' };
  const sheet = [
    {
      selector: 'node',
      style: {
        width: 'data(w)',
        height: 'data(h)',
        label: 'data(label)',
        'font-family': font,
        'font-size': 13,
        color: ink,
        'text-valign': 'center',
        'text-halign': 'center',
        'text-wrap': 'wrap',
        'line-height': 1.15,
        'min-zoomed-font-size': large ? READABLE : 0,
        'overlay-opacity': 0
      }
    },
    {
      selector: '.thing',
      style: {
        'background-color': paper,
        'border-width': 1.2,
        'border-color': mute,
        'font-weight': 600,
        'text-margin-y': large ? 0 : -7,
        'z-index': 10
      }
    },
    { selector: '.rank0', style: { 'font-size': landmark, 'border-width': 4 } },
    { selector: '.rank1', style: { 'font-size': acting, 'border-width': 2 } },
    { selector: '.rank2', style: { 'font-size': rest, 'font-weight': 400, 'border-color': faint } },
    { selector: '.round', style: { shape: 'round-rectangle', 'corner-radius': '11' } },
    { selector: '.drum', style: { shape: 'barrel' } },
    { selector: '.square', style: { shape: 'rectangle' } },
    { selector: '.cut', style: { shape: 'cut-rectangle', 'corner-radius': '7' } },
    { selector: '.page', style: { shape: 'polygon', 'shape-polygon-points': '-1 -1 0.85 -1 1 -0.45 1 1 -1 1' } },
    {
      selector: '.pipe',
      style: { shape: 'polygon', 'shape-polygon-points': '-1 -1 0.87 -1 1 0 0.87 1 -1 1 -0.87 0' }
    },
    {
      selector: '.point',
      style: { shape: 'polygon', 'shape-polygon-points': '-0.85 -1 0.85 -1 1 0 0.85 1 -0.85 1 -1 0' }
    },
    {
      selector: '.word, .title, .section',
      style: { 'background-opacity': 0, events: 'no', color: mute, 'font-size': 11.5, 'z-index': 60 }
    },
    {
      selector: '.title',
      style: { 'font-size': landmark * 1.12, 'font-weight': 700, color: ink, 'text-halign': 'right', 'min-zoomed-font-size': 0 }
    },
    { selector: '.section', style: { 'font-size': SECTION, 'text-halign': 'right', 'min-zoomed-font-size': READABLE } },
    {
      selector: '.district',
      style: {
        shape: 'rectangle',
        label: '',
        'background-color': wash,
        'border-color': line,
        'border-width': 2,
        'z-index': 0,
        'z-compound-depth': 'bottom'
      }
    },
    { selector: '.focus', style: { 'border-width': large ? 9 : 3, 'border-color': ink, 'font-weight': 800 } },
    {
      selector: 'edge',
      style: {
        width: large ? 3 : 1.2,
        'line-color': mute,
        'target-arrow-color': mute,
        'target-arrow-shape': 'triangle',
        'arrow-scale': large ? 1.3 : 0.75,
        'curve-style': 'straight',
        label: 'data(mark)',
        'font-family': font,
        'font-size': 11,
        color: mute,
        'text-background-color': paper,
        'text-background-opacity': 0.9,
        'text-background-padding': '1px',
        'overlay-opacity': 0,
        'z-index': 5
      }
    },
    { selector: '.plain', style: { 'curve-style': 'straight', ...ends } },
    {
      selector: '.square[weights]',
      style: {
        'curve-style': 'round-segments',
        'segment-weights': weights,
        'segment-distances': distances,
        'segment-radii': 5,
        ...ends
      }
    },
    {
      selector: '.curve',
      style: {
        'curve-style': 'unbundled-bezier',
        'control-point-weights': weights,
        'control-point-distances': distances,
        ...ends
      }
    },
    { selector: '.line.fuzzy', style: { 'line-style': 'dashed', 'line-dash-pattern': large ? [16, 11] : [5, 4] } },
    { selector: '.line.stale', style: { 'line-opacity': 0.5 } },
    { selector: '.line.appeared', style: { width: 3, 'line-color': ink, 'target-arrow-color': ink, color: ink } },
    { selector: '.line.vanished', style: { 'line-style': 'dashed', 'line-dash-pattern': [1.5, 4], color: ink } },
    { selector: '.line.bold', style: { width: 3, 'line-color': ink, 'target-arrow-color': ink } },
    { selector: '.line.far', style: { 'line-color': faint, 'target-arrow-color': faint, width: 1 } },
    ...(large ? [{ selector: '.line', style: { display: 'none', label: '' } }] : []),
    { selector: '.dim', style: { opacity: large ? 0.22 : 0.18 } },
    { selector: '.district.dim, .title.dim, .section.dim', style: { opacity: 0.7 } },
    {
      selector: '.line.near',
      style: {
        display: 'element',
        'line-color': ink,
        'target-arrow-color': ink,
        width: large ? 3.5 : 2,
        'z-index': 30,
        'z-compound-depth': 'top'
      }
    },
    { selector: '.line.near.told', style: { label: 'data(told)', color: ink, 'text-margin-y': large ? 0 : -9, 'font-size': large ? 17 : 11 } },
    { selector: '.thing.near', style: { 'border-color': ink, 'border-width': large ? 3.5 : 2, 'z-index': 40 } },
    {
      selector: '.thing.chosen',
      style: { 'border-color': brand, 'border-width': large ? 6 : 3.5, 'z-index': 50 }
    },
    { selector: '.district.chosen', style: { 'border-color': brand, 'border-width': 8 } },
    {
      selector: '.bundle',
      style: {
        display: 'element',
        label: 'data(mark)',
        'font-size': landmark * 0.9,
        color: ink,
        'line-color': ink,
        'target-arrow-shape': 'none',
        width: 'data(wide)',
        'curve-style': 'straight',
        opacity: 0.85,
        'text-background-padding': '8px',
        'z-index': 60,
        'z-compound-depth': 'top'
      }
    },
    { selector: '.off', style: { display: 'none' } }
  ];
  return sheet as unknown as StylesheetJson;
}
