"""What was seen, in words made from what the server really did."""

from __future__ import annotations

from labs.lab2_postgres.replay import deadlock, lost_update, write_skew


def of_deadlock(found: deadlock.Found) -> list[str]:
    if found.victim is None:
        return ["No deadlock came about this time: one session was done before the other began. Run it again."]
    cure = "nobody was ended" if found.cured_victim is None else f"yet {found.cured_victim} was ended: look above"
    return [
        f"Each held what the other wanted. After deadlock_timeout the server looked, and ended {found.victim}.",
        f"Of 4 clicks {found.clicks} were counted: the victim's transaction left nothing. Its program must try again.",
        f"In the same order the second one only waits: {cure}, and {found.cured_clicks} of 4 clicks were counted.",
        "The cure costs nothing: sort the rows (by id) before you lock them.",
    ]


def of_lost_update(found: lost_update.Found) -> list[str]:
    lost = 102 - found.naive
    naive = f"{lost} click is lost, and nobody got an error" if lost else "this time no click was lost"
    again = "was refused once with 40001, began anew, and got there" if found.retries else "was not refused this time"
    return [
        f"Two clicks on a counter of 100. Read-modify-write at READ COMMITTED ended at {found.naive}: {naive}.",
        f"One atomic UPDATE: {found.atomic}. The second waits for the row and adds to what is there then. Prefer this.",
        f"SELECT ... FOR UPDATE: {found.locked}. For when the program must decide between reading and writing.",
        f"REPEATABLE READ: {found.repeatable}. The late writer {again}. Without that retry it is an error, not a cure.",
    ]


def of_write_skew(found: write_skew.Found) -> list[str]:
    broken = "the rule is broken" if found.repeatable < 1 else "the rule held this time"
    refused = f"refused {found.refused} with 40001" if found.refused else "refused nobody this time"
    return [
        f"At REPEATABLE READ {found.repeatable} links stayed enabled: {broken}, and both sessions were told COMMIT.",
        "They wrote different rows, so neither was in the other's way. No row lock can see a rule across rows.",
        f"SERIALIZABLE {refused}; asked again, it saw the other's change. {found.serializable} link stayed enabled.",
        "Its price: every such transaction must be ready to be tried again.",
    ]
