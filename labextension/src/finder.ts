// The search box over the drawing: type a name, arrows through what is found, Enter goes there.

import { element } from './element';
import { Estate } from './estate';

const MOST = 12;
let count = 0;

/** A combobox of the things by name. */
export class Finder {
  constructor(
    private readonly estate: Estate,
    private readonly choose: (node: number) => void,
    private readonly leave: () => void
  ) {
    const id = `wbm-found-${count++}`;
    this.list = element('ul', { id, role: 'listbox', 'aria-label': 'Found', class: 'wbm-found', hidden: true });
    this.input = element('input', {
      type: 'search',
      role: 'combobox',
      placeholder: `Search ${estate.size.toLocaleString('en')} ${estate.size === 1 ? 'thing' : 'things'} by name`,
      'aria-label': 'Search by name',
      'aria-controls': id,
      'aria-expanded': 'false',
      'aria-autocomplete': 'list',
      autocomplete: 'off',
      spellcheck: 'false'
    });
    this.status = element('span', { class: 'wbm-mute wbm-status', role: 'status' });
    this.node = element('div', { class: 'wbm-finder' }, this.input, this.status, this.list);
    this.input.addEventListener('input', () => this.look());
    this.input.addEventListener('keydown', event => this.key(event));
    this.input.addEventListener('blur', () => this.fold());
    this.list.addEventListener('pointerdown', event => this.press(event));
  }

  readonly node: HTMLElement;
  readonly input: HTMLInputElement;
  private list: HTMLUListElement;
  private status: HTMLElement;
  private found: number[] = [];
  private at = 0;

  private look(): void {
    this.found = this.estate.find(this.input.value);
    this.at = 0;
    const shown = this.found.slice(0, MOST);
    const options = shown.map((node, i) =>
      element(
        'li',
        { role: 'option', id: `${this.list.id}-${i}` },
        element('b', {}, this.estate.name(node)),
        ` ${this.estate.whereabouts(node)}`
      )
    );
    this.list.replaceChildren(...options);
    const found = this.found.length;
    this.status.textContent = this.input.value.trim() ? (found ? `${found.toLocaleString('en')} found` : 'none found') : '';
    this.unfold(shown.length > 0);
    this.mark();
  }

  private key(event: KeyboardEvent): void {
    const shown = Math.min(this.found.length, MOST);
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (shown) {
        this.unfold(true);
        this.at = (this.at + (event.key === 'ArrowDown' ? 1 : shown - 1)) % shown;
        this.mark();
      }
    } else if (event.key === 'Enter') {
      event.preventDefault();
      this.pick(this.at);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      if (this.list.hidden) {
        this.input.value = '';
        this.look();
        this.leave();
      }
      this.fold();
    }
  }

  private press(event: Event): void {
    event.preventDefault(); // the box keeps the keyboard
    const option = (event.target as Element).closest('li');
    if (option) {
      this.pick([...this.list.children].indexOf(option));
    }
  }

  private pick(index: number): void {
    const node = this.found[index];
    if (node !== undefined) {
      this.fold();
      this.choose(node);
    }
  }

  private mark(): void {
    [...this.list.children].forEach((option, i) => option.setAttribute('aria-selected', String(i === this.at)));
    this.list.children[this.at]?.scrollIntoView({ block: 'nearest' });
    const active = this.list.hidden ? '' : (this.list.children[this.at]?.id ?? '');
    this.input.setAttribute('aria-activedescendant', active);
  }

  private unfold(open: boolean): void {
    this.list.hidden = !open;
    this.input.setAttribute('aria-expanded', String(open));
  }

  private fold(): void {
    this.unfold(false);
    this.input.removeAttribute('aria-activedescendant');
  }
}
