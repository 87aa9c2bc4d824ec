-- The rows of `many_users.py`, which replaces the names between colons. Ids begin at 1.

INSERT INTO app.users (external_id, browser_zone, plan_due_at, created_at)
SELECT CASE WHEN i % 10 = 0 THEN 'user-' || i END, 'Europe/Berlin',
    :now: + (600 + i % 3000) * interval '1 second', :now: - i % 400 * interval '1 day'
FROM generate_series(1, :users:) i;

INSERT INTO app.accounts
    (user_id, sub, signs_in, asked_scopes, email, email_verified, name, is_primary, created_at, updated_at)
SELECT i, '2' || lpad(i::text, 20, '0'), true, '{openid,email,calendar.events.readonly}',
    'user' || i || '@example.com', true, 'User ' || i, true,
    :now: - i % 400 * interval '1 day', :now: - i % 100 * interval '1 day'
FROM generate_series(1, :users:) i;

-- A cookie used now and then, and the bearer of an app.
INSERT INTO app.sessions (user_id, kind, token_hash, user_agent, created_at, last_used_at, expires_at)
SELECT i, CASE n WHEN 1 THEN 'cookie' ELSE 'bearer' END, sha256(('session-' || i || '-' || n)::bytea),
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', :now: - i % 80 * interval '1 day',
    :now: - least(i % 80, i % 13) * interval '1 day', :now: + (90 - i % 80) * interval '1 day'
FROM generate_series(1, :users:) i, generate_series(1, 2) n
ORDER BY i, n;

INSERT INTO app.preferences
    (user_id, reminder_minutes, briefing_at, dialect_ja, dialect_en, updated_at)
SELECT i, '{10}', '08:00', 'kansai', 'kitten', :now: - i % 200 * interval '1 day'
FROM generate_series(2, :users:, 2) i;

INSERT INTO app.calendars
    (user_id, account_sub, google_id, summary, time_zone, is_primary, is_selected, default_reminders,
     sync_token, synced_at, sync_due_at)
SELECT i, '2' || lpad(i::text, 20, '0'),
    CASE n WHEN 1 THEN 'user' || i || '@example.com' ELSE 'holidays@group.v.calendar.google.com' END,
    CASE n WHEN 1 THEN 'User ' || i ELSE 'Holidays' END, 'Europe/Berlin', n = 1, n = 1, '{10}',
    CASE n WHEN 1 THEN 'token-' || i END, CASE n WHEN 1 THEN :now: - i % 840 * interval '1 second' END,
    :now: + (900 - i % 840) * interval '1 second'
FROM generate_series(1, :users:) i, generate_series(1, 2) n
ORDER BY i, n;

-- The next sync of each account is due within the next quarter of an hour.
INSERT INTO app.calendar_syncs (user_id, account_sub, listed_at, time_zone, due_at, list_due_at, failures)
SELECT i, '2' || lpad(i::text, 20, '0'), :now: - i % 840 * interval '1 second', 'Europe/Berlin',
    :now: + (900 - i % 840) * interval '1 second', :now: + (900 - i % 840) * interval '1 second', 0
FROM generate_series(1, :users:) i;

-- One of the primary calendar and one of the list.
INSERT INTO app.push_channels
    (id, user_id, account_sub, calendar_id, is_list, address, token_hash, resource_id, created_at, expires_at,
     notified_at)
SELECT md5('channel-' || i || '-' || n)::uuid::text, i, '2' || lpad(i::text, 20, '0'),
    CASE n WHEN 1 THEN 2 * i - 1 END, n = 2, 'https://catflap.example.com/google/calendar/push',
    sha256(('channel-token-' || i || '-' || n)::bytea), 'resource-' || i || '-' || n,
    :now: - i % 5 * interval '1 day', :now: + (7 - i % 5) * interval '1 day', :now: - i % 5 * interval '1 day'
FROM generate_series(1, :users:) i, generate_series(1, 2) n;

INSERT INTO app.removed_calendars (user_id, account_sub, google_id, summary, removed_at)
SELECT i, '2' || lpad(i::text, 20, '0'), 'old@group.calendar.google.com', 'Old', :now: - interval '2 days'
FROM generate_series(5, :users:, 5) i;

-- 50 events of five weeks; each tenth is a weekly series.
INSERT INTO app.events (calendar_id, generation, google_id, recurs, starts_at, ends_at, resource)
SELECT calendar_id, 0, id, recurs, starts_at, CASE WHEN NOT recurs THEN starts_at + interval '30 minutes' END,
    jsonb_build_object('id', id, 'status', 'confirmed', 'iCalUID', id || '@google.com',
        'summary', 'Meeting ' || n || ' of ' || calendar_id, 'eventType', 'default',
        'reminders', '{"useDefault": true}'::jsonb,
        'start', jsonb_build_object('dateTime', starts_at, 'timeZone', 'UTC'),
        'end', jsonb_build_object('dateTime', starts_at + interval '30 minutes', 'timeZone', 'UTC'))
    || CASE WHEN recurs THEN '{"recurrence": ["RRULE:FREQ=WEEKLY"]}'::jsonb ELSE '{}' END
FROM (
    SELECT 2 * i - 1 AS calendar_id, 'event' || n AS id, n, n % 10 = 0 AS recurs,
        date_trunc('hour', :now:) - interval '6 days' + n * interval '16 hours' + i % 4 * interval '15 minutes'
            AS starts_at
    FROM generate_series(1, :users:) i, generate_series(1, 50) n
) made;

INSERT INTO app.devices
    (user_id, name, model, token_hash, volume, schedule_version, session_id, created_at, last_seen_at)
SELECT i, 'Mia', CASE WHEN i % 2 = 0 THEN 'browser' ELSE 'mia' END, sha256(('device-' || i)::bytea), 60, 7,
    CASE WHEN i % 2 = 0 THEN 2 * i - 1 END, :now: - i % 80 * interval '1 day',
    :now: - i % 20 * interval '1 second'
FROM generate_series(1, :users:) i;

-- The owners, whom a trigger adds where triggers are on; each tenth device is shared with a second user.
INSERT INTO app.device_members (device_id, user_id, says_name, says_titles, joined_at)
SELECT i, i, false, true, :now: - interval '2 days' FROM generate_series(1, :users:) i
ON CONFLICT DO NOTHING;

INSERT INTO app.device_members (device_id, user_id, says_name, says_titles, joined_at)
SELECT i, i - 1, true, false, :now: - interval '1 day' FROM generate_series(20, :users:, 10) i;

INSERT INTO app.device_invitations (code_hash, device_id, expires_at)
SELECT sha256(('invitation ' || i)::bytea), i, :now: + (1 + i % 20) * interval '1 hour'
FROM generate_series(1, :users:) i;

INSERT INTO app.pairings (handle_hash, code_hash, token_hash, model, address, expires_at)
SELECT sha256(('handle-' || i)::bytea), sha256(('code ' || i)::bytea), sha256(('pairing ' || i)::bytea), 'mia',
    '198.51.100.' || i % 256, :now: + (1 + i % 9) * interval '1 minute'
FROM generate_series(1, :users:) i;

INSERT INTO app.limit_counts (name, key_hash, count, ends_at)
SELECT 'tries', sha256(('address ' || i)::bytea), 1 + i % 20, :now: + (1 + i % 60) * interval '1 minute'
FROM generate_series(1, :users:) i;

-- Eight of each device: three to come, five past. Two share a sound, and each hundredth still waits for one.
INSERT INTO app.announcements
    (id, user_id, device_id, key, kind, state, play_at, expires_at, titles, event_start, dialect, display,
     spoken, sound_key, updated_at)
SELECT md5(i || '-' || n), i, i, encode(sha256((i || ' ' || n)::bytea), 'hex'), 'before',
    CASE WHEN n < 3 AND i % 100 = 0 THEN 'planned'
        WHEN n <= 3 THEN 'ready' WHEN n = 4 THEN 'cancelled' WHEN n = 5 THEN 'missed' ELSE 'played' END,
    play_at, play_at + interval '10 minutes', ARRAY['Meeting ' || n], '2026-11-24T13:00:00+00:00', 'kitten',
    'Meeting ' || n || ' of ' || i, 'Meeting ' || n || ' of ' || i,
    encode(sha256(('sound ' || i || ' ' || least(n, 7))::bytea), 'hex'), :now: - interval '12 hours'
FROM (
    SELECT i, n, :now: + i % 60 * interval '1 minute'
        + CASE WHEN n <= 3 THEN n * interval '6 hours' ELSE - (n - 3) * interval '9 hours' END AS play_at
    FROM generate_series(1, :users:) i, generate_series(1, 8) n
) made;

-- A real sound is stored out of line; so these few bytes make rows of the real length.
INSERT INTO app.sounds (key, wav, sha256, bytes, seconds, used_at)
SELECT encode(sha256(('sound ' || i || ' ' || n)::bytea), 'hex'), 'RIFF'::bytea,
    encode(sha256(('wav ' || i || ' ' || n)::bytea), 'hex'), 179204, 5.6,
    :now: - (i + n) % 47 * interval '1 hour'
FROM generate_series(1, :users:) i, generate_series(1, 7) n
WHERE NOT (n < 3 AND i % 100 = 0);

INSERT INTO app.encoded_sounds (key, audio, content, sha256, bytes)
SELECT key, 'opus-16000', 'OggS'::bytea, sha256, 14000 FROM app.sounds WHERE key < '4';

INSERT INTO app.plans (user_id, inputs, planned_at, valid_until)
SELECT i, md5('inputs ' || i), :now: - i % 60 * interval '1 minute', :now: + i % 900 * interval '1 minute'
FROM generate_series(1, :users:) i;

INSERT INTO app.reactions (user_id, action, occurrence, at)
SELECT i, 'acknowledged', md5('occurrence ' || i), :now: - i % 24 * interval '1 hour'
FROM generate_series(2, :users:, 2) i;

INSERT INTO app.occurrence_changes
    (user_id, calendar_id, change, instance, title, is_private, starts_at, noticed_at)
SELECT user_id, id, 'cancelled', 'event', 'Tea', false, :now:, :now: - id % 24 * interval '1 hour'
FROM app.calendars WHERE id % 3 = 0;

INSERT INTO app.readings (user_id, word, reading)
SELECT i, 'Q3', 'third quarter' FROM generate_series(1, :users:) i;

INSERT INTO app.consents
    (user_id, ticket_hash, purpose, scopes, return_to, state, created_at, expires_at)
SELECT i, sha256(('ticket ' || i)::bytea), 'link', '{calendar.events.readonly}', 'https://app.example/back',
    'open', :now:, :now: + (1 + i % 9) * interval '1 minute'
FROM generate_series(20, :users:, 20) i;

INSERT INTO app.signin_attempts
    (state_hash, browser_hash, scopes, next, purpose, user_id, forced, expires_at)
SELECT sha256(('state ' || i)::bytea), sha256(('browser ' || i)::bytea), '{openid,email}', '/', 'signin',
    CASE WHEN i % 20 = 0 THEN i END, false, :now: + (1 + i % 9) * interval '1 minute'
FROM generate_series(10, :users:, 10) i;

INSERT INTO app.signin_handovers (token_hash, user_id, origin, expires_at)
SELECT sha256(('handover ' || i)::bytea), i, 'http://127.0.0.1:49152', :now: + (1 + i % 9) * interval '1 minute'
FROM generate_series(20, :users:, 20) i;

INSERT INTO app.audit (at, action, outcome, key_id, user_id, account_sub)
SELECT :now: - (i % 97 + n * 100) * interval '10 minutes', 'token', 'ok', 1 + i % :api_keys:, i,
    '2' || lpad(i::text, 20, '0')
FROM generate_series(1, :users:) i, generate_series(1, 20) n;

-- Two weeks in steps of five minutes.
INSERT INTO app.counters (bucket_at, name, label, value)
SELECT at, 'token_refreshes', 'outcome ' || n, n
FROM generate_series(:now: - interval '14 days' + interval '1 hour', :now:, interval '5 minutes') at,
    generate_series(1, 12) n;

INSERT INTO app.counter_totals (name, label, value)
SELECT 'token_refreshes', 'outcome ' || n, n FROM generate_series(1, 12) n;

INSERT INTO app.risc_events (jti, events, received_at, done_at)
SELECT 'jti-' || i, '[]', :now: - i % 60 * interval '1 day', :now: - i % 60 * interval '1 day'
FROM generate_series(1, :users:, 2) i;

-- Active grants except for each thirtieth, which needs a new consent or is revoked; two thirds are in use.
INSERT INTO vault.google_tokens
    (user_id, account_sub, client_id, refresh_token, access_token, expires_at, scopes, state, reason, ended_at,
     version, failures, refreshed_at, used_at, token_prefix_hash, token_hash, created_at, updated_at)
SELECT i, '2' || lpad(i::text, 20, '0'), :client_id:,
    CASE WHEN active THEN :key_prefix: || sha512(('refresh ' || i)::bytea) || sha512('more') END,
    CASE WHEN active THEN
        :key_prefix: || sha512(('access ' || i)::bytea) || sha512('more') || sha512('still more') END,
    CASE WHEN active AND i % 3 > 0 THEN :now: + (15 + i % 45) * interval '1 minute'
        WHEN active THEN :now: - i % 50 * interval '1 day' END,
    '{openid,email,profile,calendar.calendarlist.readonly,calendar.events.readonly}',
    CASE WHEN active THEN 'active' WHEN i % 60 = 0 THEN 'revoked' ELSE 'reconsent' END,
    CASE WHEN NOT active THEN 'invalid_grant' END,
    CASE WHEN NOT active THEN :now: - (1 + i / 30 % 28) * interval '1 day' END,
    3, 0, :now: - i % 50 * interval '1 day', CASE WHEN i % 3 > 0 THEN :now: - i % 60 * interval '1 minute' END,
    CASE WHEN active THEN sha256(('prefix ' || i)::bytea) END,
    CASE WHEN active THEN sha256(('hash ' || i)::bytea) END,
    :now: - i % 400 * interval '1 day', :now: - i % 50 * interval '1 day'
FROM (SELECT i, i % 30 > 0 AS active FROM generate_series(1, :users:) i) made;

-- A second token of some grants, for scopes that the first lacks.
INSERT INTO vault.google_tokens
    (supplements, user_id, account_sub, client_id, refresh_token, scopes, state, version, failures, created_at,
     updated_at)
SELECT id, user_id, account_sub, client_id, refresh_token, '{drive.readonly}', state, 1, 0, created_at,
    updated_at
FROM vault.google_tokens WHERE user_id % 50 = 20 AND state = 'active';

INSERT INTO vault.api_keys (name, token_hash, rights, per_minute, created_at)
SELECT 'key ' || i, sha256(('key-' || i)::bytea), '{tokens,proxy,users,announce,keys,events,metrics}', 6000, :now:
FROM generate_series(1, :api_keys:) i;

INSERT INTO vault.webhooks (url, secret, events, created_at)
SELECT 'https://hook' || i || '.example/catflap', :key_prefix: || sha256('secret'), '{grant.active}', :now:
FROM generate_series(1, 3) i;

-- Those of the last weeks are done; each thousandth user has one that is retried later.
INSERT INTO vault.webhook_deliveries
    (id, webhook_id, event, payload, attempts, outcome, created_at, due_at, done_at)
SELECT 'msg_' || md5(i || ' ' || n), 1 + i % 3, 'grant.active', jsonb_build_object('data', i), 1,
    CASE WHEN open THEN 'HTTP 500' ELSE 'delivered' END, at, at + interval '1 hour',
    CASE WHEN NOT open THEN at END
FROM (
    SELECT i, n, i % 1000 = 0 AND n = 1 AS open,
        CASE WHEN i % 1000 = 0 AND n = 1 THEN :now: ELSE :now: - (1 + i % 28) * interval '1 day' END AS at
    FROM generate_series(1, :users:) i, generate_series(1, 2) n
) made;

INSERT INTO app.readings (user_id, word, reading)
SELECT i, 'word ' || n, 'reading ' || n FROM generate_series(1, :users:) i, generate_series(1, 5) n;

-- A moment in which many calendars change.
INSERT INTO app.calendar_changes
    (user_id, account_sub, calendar, reason, event_ids, is_complete, created_at)
SELECT i, '2' || lpad(i::text, 20, '0'), 'user' || i || '@example.com', 'changed', '{event}', true, :now:
FROM generate_series(1, :users:) i;

-- Jobs that wait after a failure, and the log of those that are done.
INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload, execute_after, attempts)
SELECT 0, 'queued', 'sync', convert_to(i || ' 2' || lpad(i::text, 20, '0'), 'UTF8'),
    clock_timestamp() + (10 + i % 120) * interval '1 minute', 1
FROM generate_series(5, :users:, 5) i;

INSERT INTO queue.pgqueuer_log (created, job_id, status, priority, entrypoint)
SELECT clock_timestamp() - (i % 600 + n % 3 + 10) * interval '1 second', 1000000 + i * 4 + n / 3,
    (ARRAY['queued', 'picked', 'successful'])[1 + n % 3]::queue.pgqueuer_status, 0, 'sync'
FROM generate_series(1, :users:) i, generate_series(0, 11) n;
