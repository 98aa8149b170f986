"""The interesting lines of each program, as what passes over its sockets just then."""

from tests.faults.scale import BANK_SECONDS
from tests.faults.tripwire import Spot

# A change is committed by one script. The journal's entry, a word of its own, tells which one.
_FILING = (b"EVALSHA", b"\r\nloss_reported\r\n")
_MAKING_SURE = (b"made_sure", b"WAIT")
_SAVING = (b"step:filed",)  # the turn after it is remembered under this count
WEB = (
    Spot("before the report's commit", _FILING, "before"),
    Spot("while the report's commit runs", _FILING, "sent"),
    Spot("after the report's commit", _FILING, "answered"),
    Spot("before it is made sure of", _MAKING_SURE, "before"),
    Spot("between the replicas' answer and the journal", _MAKING_SURE, "answered"),
    Spot("after the journal, before the turn is remembered", _SAVING, "before"),
    Spot("before the answer to Twilio", _SAVING, "answered"),
)

# A delivery to a bank claims for as long as its lease, which no other script takes as argument.
_CLAIM = (b"EVALSHA", f"\r\n{BANK_SECONDS + 4}\r\n".encode())
_SETTLING = (b"EVALSHA", b"attempts:ntc-", b"card.loss_reported")
DELIVERY = (
    Spot("after the pop, before the claim", _CLAIM, "before"),
    Spot("after the claim, before the POST", _CLAIM, "answered"),
    Spot("after the bank's answer, before it is settled", _SETTLING, "before"),
    Spot("after it is settled", _SETTLING, "answered"),
)
ANSWER_TO_A_CLAIM = DELIVERY[1]
_POST = (b"POST /", b"card.loss_reported")
POSTING = (
    Spot("before the POST arrives", _POST, "before"),
    Spot("while the bank works on the POST", _POST, "sent"),
    Spot("when the bank has answered", _POST, "answered"),
)

_RELEASING = (b"EVALSHA", b"\r\nloss_released\r\n")
# The sweep looks a report up that this machine has in its journal, and files it again.
_LOOKING = (b"EXISTS", b"\r\nreport:")
RESTORE = (
    Spot("before it looks for a report", _LOOKING, "before"),
    Spot("between the look and the filing", _LOOKING, "answered"),
    Spot("before the report is filed again", _FILING, "before"),
    Spot("while it is filed again", _FILING, "sent"),
    Spot("after it was filed again", _FILING, "answered"),
)
_RINGING = (b"rq:queue:bank-", b"EXEC")
RELEASE = (
    Spot("between the release's read and its commit", _RELEASING, "before"),
    Spot("after the release's commit", _RELEASING, "answered"),
)
RINGING = (
    Spot("before it rings", _RINGING, "before"),
    Spot("after it has rung", _RINGING, "answered"),
)
