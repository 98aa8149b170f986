"""Every exception of ours, as one tree; each is defined where it is raised. Imports nothing.

HotlineError
├── SettingsError                 the environment cannot be used; every fault is named
├── FlowError                     the table of steps is wrong; every fault is named
├── CatalogueError                the catalogue of prompts is wrong; every fault is named
├── RecordingsError               the recorded voices cannot be used; every fault is named
├── CardsError                    a rule of the cards
│   ├── BadIdNumberError          an ID number that cannot be one; .code, never the digits
│   ├── FormalLossStaysError      the city's rules do not let a formal loss be withdrawn
│   ├── NotThisBanksError         a card or report this bank has nothing to do with
│   │   └── ReportNotThereYetError    the report may have been lost for a moment in a failover
│   ├── ReusedEventIdError        one id for two events of a bank
│   ├── TooManyEventsError        more events of a bank in a minute than it may send
│   ├── UnknownCardError          no such holder with such a card in the directory
│   └── UnlawfulTransitionError   a step the block's table does not have; .state, .event
├── UnsafeRedisError              this Redis could lose or evict a loss report; says what to change
├── NotThePrimaryError            a server that writes nothing now, a RedisError too
├── AnotherServerError            Redis began anew while all its keys were gone through
├── UnreadableRecordError         a record cannot be read; .key, its name in Redis
│   ├── WrongDataKeysError        sealed records cannot be opened; says what to do
│   └── WrongKindError            Redis has another kind of value under it; a ResponseError too
├── OutcomeUnknownError           nobody can say for certain whether a report is on record
├── ArchiveError                  the journal's files are not as they must be; says which
│   └── MisfitError               a line of them was changed, or is missing; says the first one
├── TooManyChecksError            a subscriber asks about cards more often than it may
├── UnknownCursorError            a page of a list was asked for after something that is no cursor
├── MakerDiedError                the process that reads a long file ahead was killed
├── HoldersBusyError              others kept writing the same holders; nothing was written
├── CardholdersFileError          the file as a whole is not a cardholders CSV; says why
├── AnnouncementError             an announcement that nobody could listen to; says why
├── PlacesFileError               the file as a whole is not a places CSV; says why
├── BadValueError                 a value fails its column's check; says how, without digits
├── Problem                       ends a request with a problem document (RFC 9457)
├── StartupError                  these processes cannot work like this; says what to correct
├── OvertakenError                what a notice says no longer holds; it is never sent
└── UnsendableError               a notice that can never be sent; a code says why, for a person
"""


class HotlineError(Exception):
    """The root: everything of ours that is raised."""
