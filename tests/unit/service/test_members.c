#include "scimd/service/members.h"

#include "tests/unit/t.h"

/* Operations as text: "+a" add a, "-a" remove a, "0" clear. */
static struct resource_edit edit_make(const char *text, struct member_change *room)
{
	struct resource_edit edit = { .members = room };

	for (; *text; text += strcspn(text, " "), text += *text == ' ') {
		static const char *const names[] = { "a", "b", "c" };
		struct member_change *change = &room[edit.member_count++];

		if (*text == '0') {
			*change = (struct member_change){ .op = MEMBER_CLEAR };
			continue;
		}
		change->op = *text == '+' ? MEMBER_ADD : MEMBER_REMOVE;
		change->user_id = (char *)names[text[1] - 'a'];
	}
	return edit;
}

static void last_operation_decides(void)
{
	static const struct {
		const char *operations, *wishes;
		bool cleared, wants_a, wants_other;
	} cases[] = {
		{ "", "", false, true, true },
		{ "+a", "+a", false, true, true },
		{ "-a", "-a", false, false, true },
		{ "+a +a", "+a", false, true, true },
		{ "-a +a", "+a", false, true, true }, /* nobody is taken out and put back */
		{ "+a -a", "-a", false, false, true },
		{ "+c -a +b", "-a +b +c", false, false, true },
		{ "0", "", true, false, false },
		{ "0 +a", "+a", true, true, false },
		{ "+b 0 +a", "+a", true, true, false },
		{ "0 +a 0", "", true, false, false },
		{ "0 +b +a -a", "-a +b", true, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(member_plan_done) struct member_plan plan = {};
		struct member_change room[8];
		struct resource_edit edit = edit_make(cases[i].operations, room);
		char wishes[64] = "";

		T_OK(member_plan_make(&edit, &plan));
		for (size_t j = 0; j < plan.count; j++)
			sprintf(wishes + strlen(wishes), "%s%c%s", j > 0 ? " " : "",
				plan.wishes[j].member ? '+' : '-', plan.wishes[j].user_id);
		T_STR(wishes, cases[i].wishes);
		T_INT(plan.cleared, cases[i].cleared);
		T_INT(member_plan_wants(&plan, "a"), cases[i].wants_a);
		T_INT(member_plan_wants(&plan, "other"), cases[i].wants_other);
	}
}

T_MAIN("members", T(last_operation_decides))
