"""A phone in the browser, Twilio's message service, and a view of what happens behind a call.

`python -m simulator.page --port 8001` (`--help` shows every option and its environment variable).
It listens on loopback only: whoever reaches it may unblock accounts at the sandbox bank.

For people
  GET  /simulator                         the page: one phone a browser tab

For the page (JSON; POSTs must be application/json and come from the page itself)
  POST /simulator/phones                  {"id"?: the tab's earlier phone} -> {"id", "people"}
  GET  /simulator/phones/<id>/live        server-sent events, see `stream`
  POST /simulator/phones/<id>/call        dial; 409 while a call goes on
  POST /simulator/phones/<id>/keys        {"keys": "0-9*#"}
  POST /simulator/phones/<id>/hang-up
  POST /simulator/phones/<id>/pace        {"fast": bool}: prompts pass eight times as fast
  POST /simulator/phones/<id>/owner       {"person": place in "people"}
  POST /simulator/phones/<id>/look-at     {"report": number}: whose case is shown
  POST /simulator/phones/<id>/seven-days-later      the loss key of that case expires in a second
  POST /simulator/phones/<id>/texts       {"text"}: a signed inbound SMS; {"status", "failure"}
  POST /simulator/phones/<id>/fate        {"fate"}: what becomes of texts to it (network.py)
  POST /simulator/phones/<id>/here        a tab in the background still wants its call
  POST /simulator/banks/<bank>/behaviour  {"behaviour": normal, slow, failing or down}
  POST /simulator/banks/<bank>/unblock    {"account"}: decoupling at an outlet
  POST /simulator/banks/<bank>/formal-loss          {"account"}

As Twilio
  POST /2010-04-01/Accounts/<sid>/Messages.json     see `message_service`
  GET  /messages                          what was sent, for tests: ?to=<number> ?after=<number>
"""
