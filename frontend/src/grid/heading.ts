// A row of a watchlist without values: a section's name, or the rule of what follows the money. Before: grid.ts.
import { type HeadingLine, type Line, ruleText, stateText } from "../lists/lines";
import { part } from "./cells";
import { cellOf, removeButton } from "./row";

export class HeadingRow {
  readonly element = document.createElement("div");
  private readonly name = part("head");
  private readonly rule = part("rule");
  private readonly state = part("where");
  private readonly remove = removeButton();
  private readonly edit = document.createElement("button");
  private readonly toggle = document.createElement("button");
  private readonly count = part("hidden-count");
  readonly isBlank = false;

  constructor(private of: HeadingLine) {
    const { element } = this;
    element.className = `row heading-row ${of.of.kind}`;
    element.id = `row-${of.key}`;
    element.draggable = true;
    element.setAttribute("role", "row");
    element.setAttribute("aria-selected", "false");
    element.dataset["testid"] = "heading-row";
    const cell = document.createElement("div");
    cell.className = "cell name";
    cell.setAttribute("role", "rowheader");
    this.edit.type = "button";
    this.edit.className = "edit";
    this.edit.tabIndex = -1;
    this.edit.textContent = "Edit";
    this.edit.title = "Edit (Enter)";
    this.edit.dataset["testid"] = "edit-heading";
    this.toggle.type = "button";
    this.toggle.className = "fold";
    this.toggle.tabIndex = -1;
    this.toggle.dataset["testid"] = "fold";
    cell.append(this.toggle, this.name, this.count, this.rule, this.state, this.edit);
    element.append(cell, cellOf(this.remove));
    this.write();
  }

  get line(): HeadingLine {
    return this.of;
  }

  becomes(line: Line): boolean {
    if (line.kind !== "heading" || line.of.kind !== this.of.of.kind) return false;
    this.of = line;
    this.write();
    return true;
  }

  /** Shows whether it is folded: then `hidden` instruments stand under it. */
  fold(hidden: number | undefined): void {
    const isFolded = hidden !== undefined;
    this.toggle.setAttribute("aria-expanded", String(!isFolded));
    this.toggle.setAttribute(
      "aria-label",
      `${isFolded ? "Show" : "Hide"} what is under ${this.name.textContent}`,
    );
    this.toggle.title = isFolded ? "Show what is under it (→)" : "Hide what is under it (←)";
    this.count.textContent = isFolded ? String(hidden) : "";
    this.count.title = isFolded ? `${hidden} ${hidden === 1 ? "symbol" : "symbols"} not shown` : "";
  }

  private write(): void {
    const { of } = this.of;
    const name = of.kind === "section" ? of.name : of.underlying;
    this.name.textContent = name;
    this.rule.textContent = of.kind === "section" ? "" : ruleText(of);
    this.state.textContent = of.kind === "section" ? "" : stateText(of);
    this.remove.setAttribute("aria-label", `Remove ${name}`);
    this.edit.setAttribute("aria-label", `Edit ${name}`);
  }

  // Nothing here is live.
  drawName(): void {}
  draw(): number {
    return 0;
  }
  drawAge(): void {}
}
