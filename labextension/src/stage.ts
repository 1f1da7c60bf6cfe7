// The canvas: cytoscape shows the places that Python computed; zoom, pan, choice, neighbourhood, layers.

import type { CollectionReturnValue, Core, NodeSingular } from 'cytoscape';

import { elements, styles } from './elements';
import { Estate } from './estate';
import { palette } from './palette';

/** What the reader has switched off. */
export interface IOff {
  layers: Set<string>;
  families: Set<string>;
}

/** Relations named on the lines of a chosen thing, unless there are more. */
const TOLD = 14;
const PADDING = 10;
/** Zoom below which nothing is made smaller without being asked. */
const LEGIBLE = 0.72;
/** A thing that was searched for is brought this near, if it is farther than that. */
const NEAR = { small: { far: 0.6, near: 0.9 }, large: { far: 0.5, near: 0.62 } };

export class Stage {
  /** Make the stage once its host has a size; cytoscape is loaded with the first drawing, not with the lab. */
  static async make(host: HTMLElement, estate: Estate, chosen: (node: number) => void, out: () => void): Promise<Stage> {
    const { default: cytoscape } = await import('cytoscape');
    const cy = cytoscape({
      container: host,
      elements: elements(estate),
      style: styles(palette(host), estate),
      layout: { name: 'preset', fit: false },
      autoungrabify: true,
      autounselectify: true,
      boxSelectionEnabled: false,
      userZoomingEnabled: false,
      minZoom: 0.05,
      maxZoom: 3,
      hideEdgesOnViewport: false,
      textureOnViewport: false
    });
    return new Stage(cy, host, estate, chosen, out);
  }

  private constructor(
    readonly cy: Core,
    private readonly host: HTMLElement,
    private readonly estate: Estate,
    chosen: (node: number) => void,
    out: () => void
  ) {
    cy.on('tap', 'node.thing', event => chosen(event.target.data('node')));
    cy.on('tap', event => event.target === cy && out());
    if (estate.large) {
      cy.on('mouseover', 'node.thing', event => this.point(event.target));
      cy.on('mouseout', 'node.thing', () => this.point(null));
    }
    this.fit();
  }

  /** Take a press on a district. */
  onDistrict(act: (index: number) => void): void {
    this.cy.on('tap', 'node.district', event => act(event.target.data('index')));
  }

  /** Show everything. */
  fit(): void {
    this.cy.fit(undefined, PADDING);
    if (this.cy.zoom() > 1) {
      this.cy.zoom(1);
      this.cy.center();
    }
    this.fitted = true;
  }

  /** Whether everything is shown as `fit` left it. */
  fitted = true;

  zoomBy(factor: number): void {
    this.fitted = false;
    const middle = { x: this.cy.width() / 2, y: this.cy.height() / 2 };
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: middle });
  }

  pan(x: number, y: number): void {
    this.fitted = false;
    this.cy.panBy({ x, y });
  }

  /** Let the wheel zoom, or leave it to the page. */
  set wheel(on: boolean) {
    this.cy.userZoomingEnabled(on);
  }

  /** Follow the host's size; what was shown whole stays so, unless that would make its words too small to read. */
  resize(): void {
    const { cy } = this;
    cy.resize();
    if (this.fitted) {
      const before = cy.zoom();
      const pan = { ...cy.pan() };
      this.fit();
      if (cy.zoom() < Math.min(before * 0.97, LEGIBLE)) {
        cy.viewport({ zoom: before, pan });
      }
    }
  }

  /** Read the theme's colours again. */
  dress(): void {
    this.cy.style(styles(palette(this.host), this.estate));
  }

  /** Bring out a thing with its neighbourhood and dim the rest; null brings all back. */
  choose(node: number | null, go = false): void {
    const { cy } = this;
    cy.batch(() => {
      this.clear();
      if (node === null) {
        return;
      }
      const own = cy.$id(`n${node}`);
      const around = own.closedNeighborhood().not('.off');
      const edges = around.edges();
      const kept = around.union(this.wordsOf(around));
      cy.elements().not(kept).addClass('dim');
      around.addClass('near');
      own.addClass('chosen');
      if (edges.length <= TOLD) {
        edges.addClass('told');
      }
    });
    if (node !== null) {
      this.show(cy.$id(`n${node}`) as unknown as NodeSingular, go);
    }
  }

  /** Bring out a district: a line to each other that it has relations with, and how many lead there and back. */
  chooseDistrict(index: number): void {
    const { out, into } = this.estate.traffic(index);
    const there = new Map(out);
    const back = new Map(into);
    const others = [...new Set([...there.keys(), ...back.keys()])];
    const line = (other: number) => {
      const [to, from] = [there.get(other) ?? 0, back.get(other) ?? 0];
      const mark = [to ? `\u2192 ${to}` : '', from ? `\u2190 ${from}` : ''].filter(Boolean).join('  ');
      const data = { source: `d${index}`, target: `d${other}`, mark, wide: 4 + 4 * Math.log2(1 + (to + from) / 4) };
      return { group: 'edges' as const, data, classes: 'bundle' };
    };
    this.cy.batch(() => {
      this.clear();
      this.cy.$id(`d${index}`).addClass('chosen');
      this.cy.add(others.map(line));
    });
  }

  private clear(): void {
    this.cy.edges('.bundle').remove();
    this.cy.elements().removeClass('chosen near dim told');
  }

  /** Return the thing nearest in that direction, or -1. */
  beside(node: number, x: number, y: number): number {
    const from = this.estate.box(node);
    let best = -1;
    let least = Infinity;
    this.cy.nodes('.thing').not('.off').forEach(each => {
      const at = each.position();
      const [dx, dy] = [at.x - from.x, at.y - from.y];
      const ahead = dx * x + dy * y;
      const aside = Math.abs(dx * y) + Math.abs(dy * x);
      if (ahead > 1 && ahead + aside * 2.5 < least) {
        least = ahead + aside * 2.5;
        best = each.data('node') as number;
      }
    });
    return best;
  }

  /** Hide what is switched off: kinds by their family, lines by the layers that know them. */
  filter(off: IOff): void {
    const { cy, estate } = this;
    const pairs = new Map<string, boolean>();
    const { from, to } = estate.bundle.links;
    from.forEach((a, link) => {
      const key = `n${a} n${to[link]!}`;
      pairs.set(key, pairs.get(key) || !off.layers.has(estate.layer(link)));
    });
    cy.batch(() => {
      cy.nodes('.thing, .word').forEach(node => {
        node.toggleClass('off', off.families.has(node.data('family')));
      });
      cy.edges('.line').forEach(edge => {
        edge.toggleClass('off', !pairs.get(`${edge.data('source')} ${edge.data('target')}`));
      });
    });
  }

  destroy(): void {
    this.cy.destroy();
  }

  private point(node: NodeSingular | null): void {
    if (this.cy.$('.chosen').length) {
      return;
    }
    this.cy.edges('.near').removeClass('near told');
    node?.connectedEdges().addClass('near');
  }

  private wordsOf(around: CollectionReturnValue): CollectionReturnValue {
    let words = this.cy.collection();
    around.nodes().forEach(each => {
      words = words.union(this.cy.$id(`w${each.data('node')}`));
    });
    return words;
  }

  /** Bring a thing into sight: near enough to read when `go`, else only as far as needed. */
  private show(node: NodeSingular, go: boolean): void {
    const { cy } = this;
    const { far, near } = this.estate.large ? NEAR.large : NEAR.small;
    if (go && cy.zoom() < far) {
      this.fitted = false;
      cy.animate({ zoom: near, center: { eles: node } }, { duration: 250 });
      return;
    }
    const box = node.renderedBoundingBox();
    const seen = box.x1 > 0 && box.y1 > 0 && box.x2 < cy.width() && box.y2 < cy.height();
    if (!seen) {
      this.fitted = false;
      cy.animate({ center: { eles: node } }, { duration: 250 });
    }
  }
}
