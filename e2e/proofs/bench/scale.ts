import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Pool } from "pg";
import { exampleSettings, root } from "../../support/ground.mjs";
import { startPostgres } from "../../support/postgres";
import { figure, type Figure } from "./figures";
import type { Measured, Sizes } from "./scale/sizes";

/** A million people, compared with ten thousand; five connections each. */
const whole: Sizes = { small: 10_000, large: 1_000_000, breaksPerYear: 3, heartbeatDays: 1, breaks: 100_000 };
const inSmall: Sizes = { small: 2_000, large: 40_000, breaksPerYear: 3, heartbeatDays: 1, breaks: 500 };

const pagesGoal = 1.5;
const roundGoalMs = 2_000;
/** Differences below this many pages come from the depth of an index. */
const fewPages = 40;

/**
 * For speed, on a private server that is thrown away: nothing here survives a crash, and statistics and
 * vacuum run only when the bench asks for them.
 */
const serverSettings = {
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track_utility": "off",
  shared_buffers: "1GB",
  maintenance_work_mem: "1GB",
  max_wal_size: "16GB",
  wal_level: "minimal",
  max_wal_senders: "0",
  fsync: "off",
  full_page_writes: "off",
  autovacuum: "off",
};

/**
 * Fills two databases, then compares how much each operation reads and how long it takes. `--people N` sets
 * the size of the larger one, `--compared-with N` that of the smaller one, and `--breaks N` how many
 * connections break at once.
 */
export function benchScale(options: string[] = []): Promise<Figure[]> {
  const option = (name: string, usual: number) => {
    const at = options.indexOf(`--${name}`);
    return at < 0 ? usual : Number(options[at + 1]);
  };
  return compare({
    ...whole,
    large: option("people", whole.large),
    small: option("compared-with", whole.small),
    breaks: option("breaks", whole.breaks),
  });
}

/** The same on a small scale, in a minute or two. */
export const proveScale = () => compare(inSmall);

async function compare(sizes: Sizes): Promise<Figure[]> {
  const postgres = await startPostgres(undefined, serverSettings);
  try {
    const small = await measureOne(postgres.url, "small", sizes.small, sizes);
    const large = await measureOne(postgres.url, "large", sizes.large, sizes);
    return [
      figure("scale_people", sizes.large, "people"),
      figure("scale_people_compared_with", sizes.small, "people"),
      ...large.flatMap((one) =>
        figuresOf(
          one,
          small.find(({ name }) => name === one.name),
        ),
      ),
    ];
  } finally {
    await postgres.stop();
  }
}

function figuresOf({ name, pages, ms, wallMs }: Measured, small: Measured | undefined): Figure[] {
  if (!small) throw new Error(`${name} was not measured in the smaller database`);
  const isRound = name.startsWith("round");
  return [
    figure(`scale_${name}_pages`, pages, "pages"),
    figure(`scale_${name}_pages_ratio`, pages / Math.max(small.pages, fewPages), "x", pagesGoal),
    figure(`scale_${name}_database_time`, ms, "ms", isRound ? roundGoalMs : null),
    figure(`scale_${name}_database_time_ratio`, ms / small.ms, "x"),
    figure(`scale_${name}_time`, wallMs, "ms"),
  ];
}

async function measureOne(url: string, name: string, people: number, sizes: Sizes): Promise<Measured[]> {
  const pool = new Pool({ connectionString: url, max: 1 });
  await pool.query(`create database ${name}`);
  await pool.end();
  // A break has one person, and only three in four connections work.
  const breaks = Math.min(sizes.breaks, people / 5);
  const child = spawn(
    process.execPath,
    [
      ...["--conditions=react-server", "--import", "tsx", "e2e/proofs/bench/scale/measure.ts"],
      ...[people, sizes.breaksPerYear, sizes.heartbeatDays, breaks].map(String),
    ],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        ...(exampleSettings() as Record<string, string>),
        DATABASE_URL: url.replace(/postgres$/, name),
        LOG_LEVEL: "silent",
      },
    },
  );
  const measured: Measured[] = [];
  for await (const line of createInterface(child.stdout)) {
    const one = JSON.parse(line) as Measured;
    measured.push(one);
    console.error(`${name}: ${line}`);
  }
  if ((await exitOf(child)) !== 0) throw new Error(`The ${name} database could not be measured; see above`);
  return measured;
}

function exitOf(child: ReturnType<typeof spawn>): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("exit", resolve));
}
