// The drawing of a part of the graph: sentence, search, switches, canvas, panel, key.

import { Widget } from '@lumino/widgets';

import { button, element } from './element';
import { APPEARED, Estate, FUZZY, IBundle, STALE, VANISHED } from './estate';
import { Finder } from './finder';
import { dressPage } from './look';
import { Panel } from './panel';
import { IOff, Stage } from './stage';

const LAYERS = ['declared', 'running', 'inferred', 'learned'];
/** Height of the stage: of its content, within these. */
const LOWEST = 320;
const HIGHEST = 560;
const USUAL_WIDTH = 1100;

export class Drawing extends Widget {
  constructor(bundle: IBundle) {
    super();
    dressPage();
    this.addClass('wbm');
    this.estate = new Estate(bundle);
    this.finder = new Finder(this.estate, node => this.choose(node, true), () => this.choose(null));
    this.panel = new Panel(this.estate, node => this.choose(node, true), () => this.leave());
    this.canvas = element('div', {
      class: 'wbm-canvas',
      tabindex: '0',
      role: 'application',
      'aria-roledescription': 'drawing',
      'aria-label': `${bundle.say} Arrows move, plus and minus zoom, 0 shows everything. The search box finds by name.`
    });
    this.stageNode = element('div', { class: 'wbm-stage' }, this.canvas, this.panel.node);
    this.stageNode.style.height = `${this.height(USUAL_WIDTH)}px`;
    this.node.dataset.lmSuppressShortcuts = 'true'; // letters typed here are not the notebook's
    this.node.append(
      ...(bundle.title ? [element('p', { class: 'wbm-mute' }, bundle.title)] : []),
      element('p', { class: 'wbm-say' }, bundle.say),
      this.bar(),
      this.stageNode,
      element('p', { class: 'wbm-mute wbm-key' }, this.key())
    );
    this.listen();
  }

  /** The canvas, once it has been made. */
  stage: Stage | null = null;

  dispose(): void {
    this.sizes?.disconnect();
    this.themes?.disconnect();
    this.stage?.destroy();
    this.stage = null;
    super.dispose();
  }

  private readonly estate: Estate;
  private readonly finder: Finder;
  private readonly panel: Panel;
  private readonly canvas: HTMLElement;
  private readonly stageNode: HTMLElement;
  private readonly off: IOff = { layers: new Set(), families: new Set() };
  private chosen: number | null = null;
  private making = false;
  private sizes: ResizeObserver | null = null;
  private themes: MutationObserver | null = null;

  private height(room: number): number {
    const { wide, tall } = this.estate.bundle;
    const scale = Math.min(1, (room - 20) / Math.max(wide, 1));
    return Math.round(Math.min(HIGHEST, Math.max(LOWEST, tall * scale + 30)));
  }

  private listen(): void {
    this.sizes = new ResizeObserver(() => void this.resized());
    this.sizes.observe(this.canvas);
    this.themes = new MutationObserver(() => this.stage?.dress());
    this.themes.observe(document.body, { attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light'] });
    this.canvas.addEventListener('focus', () => this.stage && (this.stage.wheel = true));
    this.canvas.addEventListener('blur', () => this.stage && (this.stage.wheel = false));
    // on click, since the notebook takes the keyboard when the mouse goes down
    this.canvas.addEventListener('click', () => this.canvas.focus({ preventScroll: true }));
    this.canvas.addEventListener('keydown', event => this.walk(event));
    this.panel.node.addEventListener('keydown', event => event.key === 'Escape' && this.leave());
  }

  /** Make the canvas the first time that there is room for it; follow its size after that. */
  private async resized(): Promise<void> {
    if (!this.canvas.clientWidth || !this.canvas.clientHeight) {
      return;
    }
    if (this.stage) {
      this.stage.resize();
    } else if (!this.making) {
      this.making = true;
      this.stageNode.style.height = `${this.height(this.canvas.clientWidth)}px`;
      const out = () => this.choose(null);
      const stage = await Stage.make(this.canvas, this.estate, node => this.choose(node), out);
      if (this.isDisposed) {
        stage.destroy();
        return;
      }
      this.stage = stage;
      stage.onDistrict(index => {
        this.choose(null);
        stage.chooseDistrict(index);
        this.panel.showDistrict(index);
      });
      stage.cy.on('dragpan scrollzoom pinchzoom', () => (stage.fitted = false));
      this.node.dataset.ready = 'true';
    }
  }

  private bar(): HTMLElement {
    const layers = LAYERS.filter(layer => this.estate.bundle.origins.some(([each]) => each === layer));
    const families = this.estate.bundle.families.filter(family => this.estate.bundle.kinds.some(k => k[2] === family));
    const zoom = element(
      'div',
      { class: 'wbm-zoom' },
      button('\u2212', () => this.stage?.zoomBy(1 / 1.4), { 'aria-label': 'Zoom out' }),
      button('+', () => this.stage?.zoomBy(1.4), { 'aria-label': 'Zoom in' }),
      button('fit', () => this.stage?.fit(), { 'aria-label': 'Show everything' })
    );
    return element(
      'div',
      { class: 'wbm-bar' },
      this.finder.node,
      this.switches('Layers', layers, this.off.layers),
      this.switches('Kinds', families, this.off.families),
      zoom
    );
  }

  private switches(title: string, names: string[], off: Set<string>): HTMLElement | null {
    if (names.length < 2) {
      return null;
    }
    const toggles = names.map(name => {
      const toggle = button(
        name,
        () => {
          const on = off.has(name);
          if (on) {
            off.delete(name);
          } else {
            off.add(name);
          }
          toggle.setAttribute('aria-pressed', String(on));
          this.stage?.filter(this.off);
          this.stage?.choose(this.chosen);
        },
        { 'aria-pressed': 'true' }
      );
      return toggle;
    });
    const label = element('span', { class: 'wbm-mute' }, title);
    return element('div', { class: 'wbm-switches', role: 'group', 'aria-label': title }, label, ...toggles);
  }

  private choose(node: number | null, go = false): void {
    this.chosen = node;
    if (node === null) {
      this.panel.node.hidden = true;
    } else {
      this.panel.show(node);
    }
    this.stage?.cy.resize();
    this.stage?.choose(node, go);
  }

  /** Close the panel and give the keyboard back to the search box. */
  private leave(): void {
    this.choose(null);
    this.finder.input.focus({ preventScroll: true });
  }

  private walk(event: KeyboardEvent): void {
    const { stage } = this;
    const arrows: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1]
    };
    const arrow = arrows[event.key];
    if (!stage || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (arrow && this.chosen === null) {
      stage.pan(-60 * arrow[0], -60 * arrow[1]);
    } else if (arrow && this.chosen !== null) {
      const next = stage.beside(this.chosen, ...arrow);
      this.choose(next < 0 ? this.chosen : next);
    } else if (event.key === '+' || event.key === '=') {
      stage.zoomBy(1.4);
    } else if (event.key === '-') {
      stage.zoomBy(1 / 1.4);
    } else if (event.key === '0') {
      stage.fit();
    } else if (event.key === 'Enter' && this.chosen !== null) {
      this.panel.focus();
    } else if (event.key === 'Escape') {
      this.leave();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private key(): string {
    const { bundle, large } = this.estate;
    const has = (bit: number) => bundle.drawn.link.some(link => bundle.links.look[link]! & bit);
    return [
      large
        ? 'A box a thing, by what holds it; the large ones are needed most. Names appear as you zoom; point at a thing to see its relations.'
        : 'Left needs right; below: what it runs on and is made of.',
      bundle.focus.length ? 'Bold: what was asked about.' : '',
      has(FUZZY) ? 'Dashed: inferred, with its confidence.' : '',
      has(STALE) ? 'Faded: not confirmed lately, with its age.' : '',
      has(APPEARED) || has(VANISHED) ? '+ came, \u2212 dotted went.' : '',
      bundle.hidden ? `${bundle.hidden.toLocaleString('en')} further things not drawn.` : '',
      'Click into the drawing to zoom with the wheel.'
    ]
      .filter(Boolean)
      .join(' ');
  }
}
