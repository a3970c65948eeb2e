/* report.h - tell scimd that a login was denied or a session begins, if it listens. Layer: pam_scim.
 * Threads: any; keeps nothing. */
#ifndef PAM_SCIM_REPORT_H
#define PAM_SCIM_REPORT_H

#include "shared/login_report.h"

/* Send one datagram to the socket at path, without ever waiting: 0, or a negative errno for tests;
 * logins have no use for it. Only to a socket that is not root's, so that scimd, to whom its folder
 * belongs, cannot make root's word go to anybody else's ear. */
int report_send(const char *path, const struct login_report *report);

#endif
