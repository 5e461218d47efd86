/** Points that one socket may spend: so many at once, and so many come back each second. */

export interface AllowanceRule {
  burst: number;
  perSecond: number;
}

export class Allowance {
  readonly #rule: AllowanceRule;
  #points: number;
  #at: number;

  /** Full. Moments are `performance.now()`. */
  constructor(rule: AllowanceRule, moment: number) {
    this.#rule = rule;
    this.#points = rule.burst;
    this.#at = moment;
  }

  /** Takes points. False, and takes none, when there are not as many. */
  take(points: number, moment: number): boolean {
    const { burst, perSecond } = this.#rule;
    const back = ((moment - this.#at) / 1000) * perSecond;
    this.#points = Math.min(burst, this.#points + back);
    this.#at = moment;
    if (this.#points < points) return false;
    this.#points -= points;
    return true;
  }
}
