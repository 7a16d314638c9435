/** What `./dev help` prints. */
export const HELP = `Everything installs what it needs first; nothing is installed twice.

./dev demo [--keep]     three tenants live and die on real servers, in simulated time
./dev test [--long] [test runner's arguments]
                        all tests on real servers; ends with "N passed, N failed". --long adds
                        faults by a seed, about two hours on two cores; run it in parts by
                        naming suites (./dev test --long test/crash/wires.test.ts)
                        LETHE_LONG_SEED    repeats the faults, LETHE_RACE_SEED the races
                        LETHE_LONG_PART    2/4 plays a quarter of the crash matrix
                        LETHE_CRASH_STORY  "with a stray" plays that kind of life of it only
./dev bench crowd [--tenants 40] [--small-rows 100] [--rows 100000] [--json FILE]
                        tenants that are due in the same moment, beside a large one
./dev bench evidence [--seconds 20] [--writers 1000] [--entries 100000,1000000] [--json FILE]
                        appends with checkpoints, proofs and audit, on servers of its own
./dev bench holds [--rows 200000] [--samples 60] [--json FILE]
                        how soon a hold is acknowledged under destruction, and what goes after it
./dev bench disposition [--rows 200000] [--assets 400] [--series 10000,100000] [--sample 5000]
                        [--documents 20000] [--json FILE]
                        speed, memory and impact beside pt-archiver, on servers of its own
./dev bench discovery [--image-gb 2] [--fingerprints 50000] [--json FILE]
                        completeness and speed beside osquery and Trivy
./dev verify            format, lint, types, boundaries, dead code, tests: what CI runs
./dev lethe ...         the command line; prints nothing of its own on standard output
./dev build             install packages and compile
./dev stack up|down|status|env [--name dev] ...
    up      start what is not running; safe to repeat and to interrupt
            --ports free   any free ports instead of the fixed ones
            --docker       the same servers from docker-compose.yml
    down    stop; --purge removes the data too
    status  one line per server; --json for scripts; exit code 1 when one is down
    env     lines for the shell: eval "$(./dev stack env)"
    kill    --server NAME: end one server at once, as a power cut would
    restart --server NAME: start it again on its ports and data

Ports start at LETHE_PORT_BASE (17200); LETHE_PORT_TEMPORAL, _TEMPORAL_UI, _MYSQL, _MONGO, _S3,
_REGISTRY ... move one each. State, logs and secrets (mode 0600) are in .cache/stack/<name>.

Your own servers: set LETHE_MONGO_URL (a real MongoDB) or LETHE_MYSQL_URL (MySQL 8.4), and tests and
demo use them instead; "stack env" never overrides them. LETHE_STACK_MONGO_URL always names the
stack's own document server, which speaks MongoDB's protocol but is not MongoDB. LETHE_TEST_STACK=dev
lets tests use a running stack instead of starting one.
`;
