/** One measured number; if it has a goal, it must not exceed it. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  goal: number | null;
}

export function figure(name: string, value: number, unit: string, goal: number | null = null): Figure {
  return { name, value, unit, goal };
}

/** Prints one line per figure. @returns false when a goal is missed */
export function print(figures: Figure[]): boolean {
  for (const { name, value, unit, goal } of figures) {
    const shown = Number.isInteger(value) ? String(value) : value.toPrecision(4);
    console.log(`${name} ${shown} ${unit}${goal === null ? "" : ` (goal <= ${goal})`}`);
  }
  return figures.every(({ value, goal }) => goal === null || value <= goal);
}

export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
