"""The back office surface: accounts, transactions, users and reports of the bank's own staff.

Each subject has a package here with its routes; they share what follows. A route begins and ends like this:

    @post("/backoffice/v1/things", status_code=201, operation=operations.CREATE_THING)
    async def create(request: HttpRequest) -> JsonResponse:
        ledger = await admit(request, "banking.write")               # 403 without one of the scopes
        members = await members_of(request, "name", "amount")        # 415, 400; unknown members: 400
        require(members, "name")                                     # missing, null, empty: 400
        name = read_text(members["name"], "name", 140)
        amount = read_amount(members["amount"], "amount", "USD")
        command = CreateThing(name, amount, key(exchange_of(request), name, str(amount.minor)))
        created = await execute(request, ledger, create_thing, command)
        return answer(request, bodies.thing(created), 201)           # never 204

    @get("/backoffice/v1/things", operation=operations.LIST_THINGS)
    async def list_things(request: HttpRequest) -> JsonResponse:
        ledger = await admit(request, "banking.read")
        wish = read_list_wish(request, filters=("status", "currency"), sorts=("created_at", "balance"))
        status = one_of(wish.given, "status", STATUSES)
        await wait_for_reads(request, ledger)
        found = await things.page(ledger.fetch, ..., limit=wish.limit, offset=wish.offset)
        return answer_page(request, wish, [bodies.thing(view) for view in found.rows], found.total)

Where what is, and what may be built upon:

    answers     answer(request, data, status=200), answer_page(request, wish, rows, total)
    pages       read_list_wish(request, filters=(), sorts=("created_at",)) -> ListWish
                    .number .limit .offset .sort .is_descending .given
    requests    admit(request, *scopes) -> Ledger; key(exchange, *content) -> RequestKey | None
                members_of(request, *names, is_optional=False) -> Members; nested_members(raw, field, *names)
                require(members, *names); is_sent(raw), is_null(raw)
    errors      refused(status, CODE, message, **details) and not_found(what), to be raised;
                translate: a row in its table for each refusal of the domain that has a code of its own;
                error_content(error): an error within an answer; ErrorAnswer: for the OpenAPI document
    envelope    Success[T], Listed[T], Meta, Pagination: for the OpenAPI document
    documents   READING, WRITING, CHANGING: the refusals that routes of a kind have in common, and their
                parameters
    limits      how often: a route that needs a limit of its own is named there

and of the service as a whole: api.members (read_text, read_word, read_flag), api.amounts (read_amount,
amount_of), api.instants (read_period, whole_seconds), api.query_string (one_of, known_query_of),
api.exchange (invalid(field, constraint): 400 INVALID_REQUEST with that field).

Who gets in, from where, how often, and whether the request has to be signed is settled before a route runs
(api.admission, api.request_signatures); `exchange_of(request).caller` is who calls. A body is read through
the exchange alone, as `members_of` does: it may have been read before, to check its signature.
"""
