/** Starts PostgreSQL from Debian's packages, and the emulator, before any guide is followed. */
export const ground = `
set -euo pipefail
fail() { echo "FAILED: $1" >&2; tail -5 /var/log/reconnect >&2 || true; exit 1; }
passed() { echo "passed: $1"; }
programs=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
install -d -o postgres /run/postgresql /var/lib/postgresql/room
runuser -u postgres -- "$programs/initdb" --auth-local=peer --auth-host=scram-sha-256 -D /var/lib/postgresql/room >/dev/null
runuser -u postgres -- "$programs/pg_ctl" -w -D /var/lib/postgresql/room -o "-k /run/postgresql" -l /var/lib/postgresql/room/log start >/dev/null
cd /srv/reconnect
node --import tsx e2e/emulator/main.ts >/dev/null &
sql() { runuser -u postgres -- psql -qAt -d "$1" -c "$2"; }
! read-only 65534 touch /tmp/written 2>/dev/null || fail "read-only places are read-only"
! read-only 65534 touch /var/tmp/written 2>/dev/null || fail "read-only places are read-only"
status() { curl -s -o /tmp/answer -w '%{http_code}' --retry 60 --retry-connrefused --retry-delay 1 "$@"; }
emulated="SNAPTRADE_API_URL=http://localhost:4010
SNAPTRADE_PORTAL_ORIGINS=http://127.0.0.1:4010
SNAPTRADE_CLIENT_ID=RECONNECT-DEMO
SNAPTRADE_CONSUMER_KEY=demo-consumer-key-not-a-secret
SMTP_URL=smtp://localhost:4011"
`;

/** Commands to run after sections of docs/deploy/linux.md. */
export const linux: Record<string, string> = {
  "Files and settings": `echo "$emulated" >> /etc/reconnect/settings\n`,
  Check: `
site=(--silent --insecure --resolve connections.example.com:443:127.0.0.1)
curl "\${site[@]}" --dump-header - -o /dev/null https://connections.example.com/sign-in | tr -d '\\r' > /tmp/headers
grep -Eq '^x-request-id: [0-9a-f]{32}$' /tmp/headers || fail "nginx chooses the request id"
passed "a page through nginx, under the request id that nginx chose"
person=$(sql reconnect "insert into users (email) values ('maya@example.com') returning id")
sql reconnect "insert into sessions (session_token, user_id) values (encode(sha256('proof'), 'hex'), '$person')"
timeout 4 curl "\${site[@]}" --no-buffer -H 'Cookie: __Host-next-auth.session-token=proof' https://connections.example.com/api/live > /tmp/stream || true
grep -q '^event: changed' /tmp/stream || fail "an open stream passes nginx unbuffered"
passed "an open stream passes nginx unbuffered"
exposure=$(systemd-analyze security --offline=true /etc/systemd/system/reconnect.service 2>/dev/null | sed -n 's/.*exposure level for .*: \\([0-9.]*\\).*/\\1/p')
passed "systemd rates the unit's exposure $exposure (0 is best, 10 is worst)"
[ "$(sql reconnect 'select count(*) from rounds where ended_at is not null')" = 1 ] || fail "the timer runs in the service"
passed "the timer runs in the service"
# Nothing changes between the backup and the comparison.
systemctl stop reconnect
passed "the service stops within ten seconds when asked to"
`,
  Restore: `
[ "$(wc -l < /tmp/counts-restored)" -gt 10 ] || fail "tables are restored"
[ "$(sql restored 'select count(*) from users')" = 1 ] || fail "people are restored"
passed "a second database restored from the backup has the same $(wc -l < /tmp/counts-restored) tables and counts"
`,
};

/**
 * Commands around docs/deploy/vercel-neon.md: Neon's driver, its proxy, and a server that can't write files.
 */
export const vercel = {
  before: `
runuser -u postgres -- createdb --owner reconnect neon
node --import tsx -e "import('/srv/reconnect/lib/testing/websocket-proxy.ts').then(({ startWebSocketProxy }) => console.log(startWebSocketProxy(5432).port))" > /tmp/proxy &
until [ -s /tmp/proxy ]; do sleep 0.2; done
set -a
eval "$(grep -E '^(NEXTAUTH_SECRET|ENCRYPTION_KEYS|CRON_SECRET|EMAIL_FROM)=' /etc/reconnect/settings)"
eval "$emulated"
DATABASE_URL=postgres://reconnect:$password@localhost/neon DATABASE_DRIVER=neon NEON_WS_PROXY=localhost:$(cat /tmp/proxy)/v2
set +a
`,
  after: {
    Database: `
cp -a .next/standalone /opt/vercel
cd /opt/vercel
APP_URL=http://localhost:3100 PORT=3100 NODE_ENV=production read-only 65534 node server.js >/var/log/reconnect 2>&1 &
cron=http://localhost:3100/api/cron/reconcile
[ "$(status $cron)" = 401 ] || fail "the cron route refuses a call without its secret"
[ "$(sql neon 'select count(*) from rounds where ended_at is not null')" = 0 ] || fail "no timer runs in the process"
passed "no timer runs in the process, and the cron route refuses a call without its secret"
[ "$(status -H "Authorization: Bearer $CRON_SECRET" $cron)" = 200 ] || fail "cron runs a round"
grep -q '"failed":\\[\\]' /tmp/answer || fail "no step of the round fails: $(cat /tmp/answer)"
[ "$(status http://localhost:3100/api/health)" = 200 ] || fail "healthy after a round"
passed "a round by cron, with Neon's driver over its proxy, where the server can write no file"
unset DATABASE_DRIVER NEON_WS_PROXY
`,
  },
};

/** Stands in for the last stage of docs/deploy/Dockerfile. */
export const container = (healthCheck: string) => `
echo '── docs/deploy/Dockerfile: server'
cp -a /srv/reconnect/.next/standalone /app
chown -R root:root /app
cd /app
APP_URL=http://localhost:3200 PORT=3200 NODE_ENV=production DATABASE_URL=postgres://reconnect:$password@localhost/reconnect \\
  read-only 65532 node server.js >/var/log/reconnect 2>&1 &
[ "$(status http://localhost:3200/api/health/live)" = 200 ] || fail "the server answers"
node -e ${JSON.stringify(healthCheck.replace(":3000/", ":3200/"))} || fail "the health check succeeds"
passed "the image's command as its user, where it can write no file, and the image's health check"
`;
