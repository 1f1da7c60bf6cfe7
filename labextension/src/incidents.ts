// The left panel: open incidents, what waits for a person, how fresh the graph is, what money is left.

import { Widget } from '@lumino/widgets';

import { button, element } from './element';
import { dollars, IIncident, IPurse, IReview, IScanned, IStatus, Standing, since } from './standing';

/** Rows of a section before a press on "show all". */
const FIRST = 20;

/** The panel. */
export class Incidents extends Widget {
  constructor(private readonly standing: Standing) {
    super();
    dress();
    this.id = 'workbench-incidents';
    this.addClass('wbi');
    this.title.caption = 'Incidents';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Incidents');
    standing.changed.connect(() => this.draw());
    this.draw();
  }

  /** Ask anew when it comes into sight. */
  protected onAfterShow(): void {
    void this.standing.ask();
  }

  private draw(): void {
    const { known, problem } = this.standing;
    const top = this.node.scrollTop;
    const held = this.node.contains(document.activeElement) ? document.activeElement?.getAttribute('data-key') : null;
    this.node.replaceChildren(
      element(
        'header',
        {},
        element('h2', {}, 'Incidents'),
        button('Refresh', () => void this.standing.ask(), { 'data-key': 'refresh' })
      ),
      ...(problem ? [element('p', { class: 'wbi-problem', role: 'alert' }, problem)] : []),
      ...(known ? this.sections(known) : problem ? [] : [element('p', { class: 'wbi-mute' }, 'Asking the workbench…')])
    );
    this.node.scrollTop = top;
    if (held) {
      this.node.querySelector<HTMLElement>(`[data-key="${CSS.escape(held)}"]`)?.focus();
    }
  }

  private sections(known: IStatus): Node[] {
    const firing = known.incidents.filter(each => !each.resolved).length;
    const over = known.incidents.length - firing;
    const doubtful = known.scans.filter(each => each.state !== 'confirmed');
    return [
      this.section(
        'open',
        `${firing} open${over ? `, ${over} just over` : ''}`,
        known.incidents.map(each => this.incident(each, known.at)),
        'No incident is open. An alert that arrives shows here.'
      ),
      this.section('review', `${known.review.length} to review`, known.review.map(each => this.review(each)), 'Nothing waits.'),
      this.section(
        'scans',
        known.scans.length ? `${known.scans.length - doubtful.length} of ${known.scans.length} scans fresh` : 'Scans',
        known.scans.map(each => scan(each, known.at)),
        'Nothing was scanned yet: workbench scan'
      ),
      this.section('spent', 'Spent', known.purses.map(purse), ''),
      ...known.problems.map(each => element('p', { class: 'wbi-problem', role: 'alert' }, each))
    ];
  }

  private section(key: string, title: string, rows: HTMLElement[], empty: string): HTMLElement {
    const all = this.whole.has(key);
    const shown = all ? rows : rows.slice(0, FIRST);
    const rest = rows.length - shown.length;
    return element(
      'section',
      { 'aria-label': title },
      element('h3', {}, title),
      rows.length ? element('ul', {}, ...shown) : element('p', { class: 'wbi-mute' }, empty),
      rest > 0 &&
        button(`Show ${rest} more`, () => {
          this.whole.add(key);
          this.draw();
        })
    );
  }

  private incident(each: IIncident, now: string): HTMLElement {
    const facts = [
      each.resolved ? `${each.state}, over` : each.state,
      since(each.fired, now),
      each.alerts > 1 && `${each.alerts} alerts`,
      each.dollars > 0 && dollars(each.dollars)
    ];
    return element(
      'li',
      { class: `wbi-incident wbi-${known(each.severity)}${each.resolved ? ' wbi-over' : ''}` },
      element(
        'a',
        { href: this.standing.address(each.link), target: '_blank', rel: 'noopener', 'data-key': each.id, title: each.title },
        each.title
      ),
      element('div', { class: 'wbi-mute' }, `${each.severity} \u00b7 ${facts.filter(Boolean).join(' \u00b7 ')}`),
      each.confidence !== null && sure(each.confidence, each.summary),
      each.because !== '' && element('div', { class: 'wbi-mute' }, each.because)
    );
  }

  private review(each: IReview): HTMLElement {
    const words = each.link
      ? element('a', { href: this.standing.address(each.link), target: '_blank', rel: 'noopener' }, each.words)
      : element('span', {}, each.words);
    return element('li', {}, element('div', { class: 'wbi-mute' }, each.kind), words, element('code', {}, each.line));
  }

  private whole = new Set<string>();
}

function sure(confidence: number, summary: string): HTMLElement {
  const bar = element('span', { class: 'wbi-bar', 'aria-hidden': 'true' });
  bar.style.setProperty('--wbi-share', `${Math.round(100 * confidence)}%`);
  return element('div', { class: 'wbi-found' }, element('b', {}, confidence.toFixed(2)), bar, element('span', {}, summary));
}

function scan(each: IScanned, now: string): HTMLElement {
  const fresh = each.state === 'confirmed';
  const left = fresh ? '' : `, ${Math.round(100 * each.left)} % sure`;
  return element(
    'li',
    { class: fresh ? '' : 'wbi-doubtful' },
    element('span', { class: 'wbi-name', title: each.scope }, `${each.source} ${each.scope}`),
    element('div', { class: 'wbi-mute' }, `${each.state}${left} \u00b7 ${since(each.seen, now)} \u00b7 ${each.facts.toLocaleString('en')} facts`)
  );
}

function purse(each: IPurse): HTMLElement {
  const of = each.cap ? ` of ${dollars(each.cap)}` : '';
  const held = each.held ? `, ${dollars(each.held)} held` : '';
  const bar = element('span', { class: 'wbi-bar', 'aria-hidden': 'true' });
  bar.style.setProperty('--wbi-share', `${Math.min(100, Math.round((100 * each.used) / (each.cap || 1)))}%`);
  return element('li', {}, element('span', {}, `${each.name}: ${dollars(each.used)}${of}${held}`), each.cap > 0 && bar);
}

function known(severity: string): string {
  return severity === 'critical' || severity === 'warning' ? severity : 'other';
}

const RULES = `
.wbi{--wbi-mute:color-mix(in srgb,var(--jp-ui-font-color1) 76%,var(--jp-layout-color1));
--wbi-line:color-mix(in srgb,var(--jp-ui-font-color1) 18%,var(--jp-layout-color1));
color:var(--jp-ui-font-color1);background:var(--jp-layout-color1);font:13px/1.4 var(--jp-ui-font-family);
padding:8px 10px 16px;overflow-y:auto;overflow-x:hidden;box-sizing:border-box;min-width:200px}
.wbi header{display:flex;align-items:baseline;gap:8px;justify-content:space-between}
.wbi h2{font-size:14px;font-weight:600;margin:0}
.wbi h3{font-size:12px;font-weight:600;color:var(--wbi-mute);margin:14px 0 4px;padding-bottom:2px;
border-bottom:1px solid var(--wbi-line)}
.wbi p,.wbi ul{margin:0;padding:0;list-style:none}
.wbi li{padding:5px 0;overflow-wrap:anywhere}
.wbi .wbi-incident{padding-left:8px;border-left:3px solid var(--wbi-line);margin:4px 0}
.wbi .wbi-critical{border-left-color:var(--jp-error-color1)}
.wbi .wbi-warning{border-left-color:var(--jp-warn-color1)}
.wbi .wbi-over{border-left-style:dotted}
.wbi .wbi-incident>a{font-weight:600;display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.wbi a{color:inherit;text-decoration:underline;text-decoration-color:var(--jp-brand-color1);text-underline-offset:2px}
.wbi-mute{color:var(--wbi-mute);font-size:12px}
.wbi-found{display:grid;grid-template-columns:auto 48px 1fr;gap:0 8px;align-items:center;font-size:12px;margin-top:2px}
.wbi-bar{display:block;height:6px;background:linear-gradient(to right,var(--jp-ui-font-color2) var(--wbi-share),
var(--wbi-line) var(--wbi-share))}
.wbi li>.wbi-bar{margin-top:3px}
.wbi-name{display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.wbi code{display:block;font:12px/1.4 var(--jp-code-font-family);background:var(--jp-layout-color2);padding:1px 4px;margin-top:2px}
.wbi .wbi-problem{border-left:3px solid var(--jp-error-color1);padding:4px 0 4px 8px;margin-top:8px;overflow-wrap:anywhere}
.wbi button{font:inherit;font-size:12px;color:inherit;background:none;border:1px solid var(--wbi-line);border-radius:3px;
padding:1px 8px;cursor:pointer}
.wbi button:hover{background:var(--jp-layout-color2)}
.wbi :focus-visible{outline:2px solid var(--jp-brand-color1);outline-offset:1px}
`;

const ID = 'workbench-incidents-style';

function dress(): void {
  if (!document.getElementById(ID)) {
    const style = document.createElement('style');
    style.id = ID;
    style.textContent = RULES;
    document.head.append(style);
  }
}
