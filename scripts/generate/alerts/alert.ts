/** An alert as data: its rule, its text, and the cases in which it fires and does not fire. */

/** critical: page a person. warning: a person reads it in the morning. */
export type Severity = 'critical' | 'warning'

export interface Alert {
  /** Also the name of its page in `docs/runbooks/`. */
  readonly name: `Podmend${string}`
  readonly severity: Severity
  /** Prometheus' notation; 0m: at once. */
  readonly for: string
  readonly expr: string
  /** When it fires, as a phrase for the table in the documents. */
  readonly when: string
  /** The line on a phone. May contain `{{ $labels.NAME }}` and `{{ $value }}`, as may the description. */
  readonly summary: string
  /** What it means and what to check first, for a person who was just woken. */
  readonly description: string
  /** At least one that fires and one that does not. */
  readonly cases: readonly AlertCase[]
}

/** A unit test of one alert, in promtool's terms; the rules are evaluated each minute. */
export interface AlertCase {
  /** A sentence. */
  readonly name: string
  /** Values by series, one a minute, in promtool's notation. */
  readonly series: Readonly<Record<string, string>>
  readonly at: string
  /** The alerts that fire at that time; empty if none does. */
  readonly fires: readonly Firing[]
}

export interface Firing {
  /** Without alertname and severity. */
  readonly labels: Readonly<Record<string, string>>
  /** `$value` as the text shows it, if the text contains it. */
  readonly value?: string
}

/** Fills in `{{ $labels.NAME }}` and `{{ $value … }}` as Prometheus does. */
export const rendered = (template: string, { labels, value = '' }: Firing): string =>
  template
    .replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '')
    .replace(/\{\{ \$value[^}]*\}\}/g, () => value)
