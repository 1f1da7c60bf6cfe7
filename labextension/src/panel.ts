// What is known of the chosen thing: its relations and its values, each with source, age and confidence.

import { button, element } from './element';
import { Estate, ISaid, standing } from './estate';

/** Rows that are shown before a press on "show all". */
const FIRST = 40;

/** The panel beside the drawing. */
export class Panel {
  constructor(
    private readonly estate: Estate,
    private readonly choose: (node: number) => void,
    close: () => void
  ) {
    this.heading = element('h3', { tabindex: '-1' });
    this.under = element('p', { class: 'wbm-mute' });
    this.body = element('div', { class: 'wbm-facts' });
    this.node = element(
      'aside',
      { class: 'wbm-panel', role: 'region', 'aria-label': 'Facts', 'aria-live': 'polite', hidden: true },
      element('header', {}, this.heading, button('\u00d7', close, { 'aria-label': 'Close (Escape)', class: 'wbm-close' })),
      this.under,
      this.body
    );
  }

  readonly node: HTMLElement;
  private heading: HTMLHeadingElement;
  private under: HTMLElement;
  private body: HTMLElement;

  /** Show what is known of a thing. */
  show(node: number): void {
    const { estate } = this;
    this.heading.textContent = estate.name(node);
    this.node.setAttribute('aria-label', `Facts of ${estate.name(node)}`);
    this.under.textContent = estate.whereabouts(node);
    const said = estate.said(node);
    const needs = said.filter(each => each.other >= 0 && !each.inward);
    const needed = said.filter(each => each.inward);
    const values = said.filter(each => each.other < 0);
    this.body.replaceChildren(
      ...this.section('From here', needs),
      ...this.section('To here', needed),
      ...this.section('Said of it', values)
    );
    if (!said.length) {
      this.body.append(element('p', { class: 'wbm-mute' }, 'Nothing else is known of it in this part of the graph.'));
    }
    if (estate.bundle.thinned) {
      this.body.append(element('p', { class: 'wbm-mute' }, 'Values are left out of so large a drawing.'));
    }
    this.node.hidden = false;
    this.body.scrollTop = 0;
  }

  /** Show what a district holds. */
  showDistrict(index: number): void {
    const [name, , , , , count] = this.estate.bundle.districts[index]!;
    this.heading.textContent = name;
    this.node.setAttribute('aria-label', `District ${name}`);
    this.under.textContent = `${count} things`;
    const { nodes } = this.estate.bundle;
    const inside = nodes.district.flatMap((district, node) => (district === index ? [node] : []));
    const kinds = new Map<string, number>();
    inside.forEach(node => kinds.set(this.estate.word(node), (kinds.get(this.estate.word(node)) ?? 0) + 1));
    const joined = (node: number) => this.estate.touching(node).length;
    const top = [...inside].sort((a, b) => nodes.rank[a]! - nodes.rank[b]! || joined(b) - joined(a)).slice(0, 15);
    const { out, into } = this.estate.traffic(index);
    const told = (pairs: [number, number][]) =>
      pairs.map(([other, n]) => `${this.estate.bundle.districts[other]![0]} ${n}`).join(', ') || 'none';
    this.body.replaceChildren(
      element('h4', {}, 'Relations to other districts'),
      element('p', {}, `from here: ${told(out)}`),
      element('p', {}, `to here: ${told(into)}`),
      element('h4', {}, 'Kinds'),
      element('p', {}, [...kinds].sort((a, b) => b[1] - a[1]).map(([word, n]) => `${n} ${word}`).join(', ')),
      element('h4', {}, 'Most joined'),
      ...top.map(node =>
        element(
          'div',
          { class: 'wbm-fact' },
          button(this.estate.name(node), () => this.choose(node), { class: 'wbm-name' }),
          element('div', { class: 'wbm-mute' }, `${this.estate.word(node)}, ${joined(node)} relations`)
        )
      )
    );
    this.node.hidden = false;
    this.body.scrollTop = 0;
  }

  /** Move the keyboard to the panel, so that a screen reader says what it holds. */
  focus(): void {
    this.heading.focus({ preventScroll: true });
  }

  private section(title: string, rows: ISaid[], most = FIRST): HTMLElement[] {
    if (!rows.length) {
      return [];
    }
    const list = element('div', { role: 'list' }, ...rows.slice(0, most).map(row => this.row(row)));
    if (rows.length > most) {
      const more = button(`show all ${rows.length}`, () => {
        more.remove();
        list.append(...rows.slice(most).map(row => this.row(row)));
      });
      return [element('h4', {}, `${title} (${rows.length})`), list, more];
    }
    return [element('h4', {}, `${title} (${rows.length})`), list];
  }

  private row(said: ISaid): HTMLElement {
    const { estate } = this;
    const state = standing(said.look);
    const other =
      said.other >= 0
        ? button(estate.name(said.other), () => this.choose(said.other), { class: 'wbm-name' })
        : element('code', {}, said.value);
    const relation = element('span', { class: 'wbm-relation' }, said.relation);
    const kind = said.other >= 0 ? element('span', { class: 'wbm-mute' }, estate.word(said.other)) : null;
    return element(
      'div',
      { class: 'wbm-fact', role: 'listitem', title: `seen ${said.seen}` },
      element('div', {}, ...(said.inward ? [other, ' ', kind, ' ', relation] : [relation, ' ', other, ' ', kind])),
      element('div', { class: 'wbm-mute' }, [...said.known, state].filter(Boolean).join(' · '))
    );
  }
}
