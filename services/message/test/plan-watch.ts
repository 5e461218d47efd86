/**
 * How PostgreSQL does what the service asks for: the plan of each statement as it was run, told by PostgreSQL itself
 * (auto_explain), so that nothing is explained but the very statements.
 */
import type { Database } from '@sotto/runtime';
import { z } from 'zod';

/** How one statement was done. */
export interface SeenPlan {
  statement: string;
  /** Tables and indexes, those of partitions by their table's, that were read from end to end. */
  scanned: string[];
  /** Indexes in which rows were looked up, of partitions by their table's. */
  indexes: string[];
}

export interface PlanWatch {
  /** The plans of what was run since this was last asked. */
  take(): SeenPlan[];
}

/** Settings with which connections are told plans. They take a superuser. */
export const TELL_PLANS = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_level': 'notice',
  'auto_explain.log_format': 'json',
};

/** Hears the plans of what goes over a pool. Nothing may have been asked of it yet. */
export function watchPlans({ pool }: Pick<Database<unknown>, 'pool'>): PlanWatch {
  let seen: SeenPlan[] = [];
  pool.on('connect', (client) => {
    client.on('notice', ({ message = '' }) => {
      const [, json] = /^duration: .* plan:\n(.*)$/s.exec(message) ?? [];
      if (json !== undefined) seen.push(toSeenPlan(Explained.parse(JSON.parse(json))));
    });
  });
  return {
    take() {
      const taken = seen;
      seen = [];
      return taken;
    },
  };
}

const PlanNode = z.object({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Index Name': z.string().optional(),
  'Index Cond': z.string().optional(),
  Filter: z.string().optional(),
  get Plans() {
    return z.array(PlanNode).optional();
  },
});
type PlanNode = z.infer<typeof PlanNode>;

const Explained = z.object({ 'Query Text': z.string(), Plan: PlanNode });

function toSeenPlan({ 'Query Text': statement, Plan }: z.infer<typeof Explained>): SeenPlan {
  const plan: SeenPlan = { statement, scanned: [], indexes: [] };
  walk(Plan, plan, false);
  const unique = (names: string[]) => [...new Set(names)].sort();
  return { statement, scanned: unique(plan.scanned), indexes: unique(plan.indexes) };
}

/** What is walked without a condition is read whole, unless somebody above has enough before the end. */
function walk(node: PlanNode, plan: SeenPlan, stopsEarly: boolean): void {
  const { 'Relation Name': table, 'Index Name': index, 'Index Cond': condition } = node;
  if (index !== undefined) {
    const isWhole = condition === undefined && !stopsEarly;
    (isWhole ? plan.scanned : plan.indexes).push(withoutWeek(index));
  } else if (node['Node Type'] === 'Seq Scan' && table !== undefined) {
    // Looking for rows of some kind it may have to go to the end all the same.
    if (!stopsEarly || node.Filter !== undefined) plan.scanned.push(withoutWeek(table));
  }
  const limits = stopsEarly || node['Node Type'] === 'Limit';
  for (const child of node.Plans ?? []) walk(child, plan, limits);
}

/** `messages_p20261116_pkey` is the `messages_pkey` of a week. */
function withoutWeek(name: string): string {
  return name.replace(/_p\d{8}/, '');
}
