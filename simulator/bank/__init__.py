"""The sandbox bank: one HTTP server that plays the cooperative banks of BANKS_FILE for testers.

`python -m simulator.bank --port 8002` (`--help` shows every option and its environment variable).
It listens on loopback only, because the testers' routes are open; they, and all but the signed one,
answer to a loopback name and to no web site's page (403). Errors are application/problem+json
`{type, title, status, errors?: [{where, why}]}`.

For the hotline
  POST /<bank>/notices             Standard Webhooks. 200 {"status": S}; S is
                                   "blocked"  a loss report was carried out (or the card is
                                              formally lost, so the account is blocked already)
                                   "late"     the holder was at an outlet since: not blocked
                                   "noted"    any other notice, also of a type it does not know
                                   "ok"       ping
                                   202 {"status": "received"} under acknowledge_later; 401 signature
                                   or time; 413 over 64 kB; 422 body. A webhook-id that was carried
                                   out gets the same answer again and has no second effect. One that
                                   was not (401, 422, any failure) may be sent again.

At the counter
  POST /<bank>/teller/unblock      {"card_number", "outlet"?} -> {"account": ACCOUNT, "event_id"}
  POST /<bank>/teller/formal-loss  the same; 404 no such account, 409 formally lost, 422 body
  POST /<bank>/teller/withdraw-formal-loss  the same; 409 not formally lost
  POST /<bank>/teller/replace      {"card_number", "new_card_number"?, "new_bank_account"?} -> the
                                   same, of the new card; what is left out is made up; 409 the new
                                   number is another card's

Elsewhere in the bank
  POST /<bank>/teller/take-report  {"card_number"} -> the same: its own service line takes a
                                   temporary report, and the account is blocked; 409 formally lost
  POST /<bank>/teller/lapse        the same: a rule of the bank ends its block; 409 formally lost

For testers
  GET /<bank>/behaviour            {"bank", "behaviour": [BEHAVIOUR]}; [] = normal
  PUT /<bank>/behaviour            BEHAVIOUR or [BEHAVIOUR] -> as GET; 422 and the mix stays
  GET /<bank>/accounts             {"bank", "accounts": [ACCOUNT]}
  GET /<bank>/receipts             {"bank", "receipts": [ATTEMPT + webhook_id, type,
                                   report_number]}, newest last; ?after=<number> ?report=<number>
                                   ?limit=<rows, 1000>
  GET /<bank>/receipts/<webhook-id>      {"bank", "webhook_id", "type", "report_number", "effect",
                                   "block_effects", "attempts": [ATTEMPT]}; effect null = not
                                   carried out; 404 never arrived
  GET /<bank>/effects              {"bank", "effects": {report number: blocks}}; 2 is a fault
  GET /<bank>/events               {"bank", "events": [EVENT]}
  GET /banks                       {"banks": [{"id", "name": {"zh", "en"}, "phone", "behaviour",
                                   "counts": {"accounts", "blocked", "arrivals", "notices",
                                   "block_effects", "events", "events_waiting"}}]}
  GET /                            a text

ACCOUNT    {"bank", "card_number", "bank_account", "holder_name": "张*", "last4", "blocked": bool,
           "since", "by_report", "formal_loss": bool, "settled_at", "settled_report"}: settled = the
           last visit to an outlet, and the report it ended
ATTEMPT    {"number", "received_at", "verified": bool, "behaviour", "effect", "status"}: effect is
           blocked, late, formal, noted, pong, duplicate, refused or none (see `intake`); status
           null = no HTTP answer was given
EVENT      {"number", "event_id", "type", "timestamp", "data", "state", "due", "attempts":
           [{"at", "status", "answer"}]}: state is waiting, delivered or refused (404, 409, 422)
BEHAVIOUR  {"kind", parameters, "probability"?, "count"?, "effect"?}: normal · slow {seconds} ·
           late {seconds} · acknowledge_later {after_seconds} · fail {status: 408, 425, 5xx} ·
           refuse {status} · throttle {retry_after, as_date} · redirect {location} · garbage {form:
           megabyte, broken, cut} · reset · hang · down. `effect` overrides whether the notice is
           carried out: {"kind": "fail", "effect": true} blocks and then says 500

Moments are ISO 8601 in UTC. No route, log or file holds an ID number or a full name.
"""
