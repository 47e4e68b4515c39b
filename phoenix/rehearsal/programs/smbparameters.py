"""The parameters of smb.conf by `testparm --show-all-parameters` of Samba 4.17: names, and which are yes or no."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


def _names(text: str) -> frozenset[str]:
    """The names of a text, without blanks and in one case, as Samba compares them."""
    return frozenset("".join(name.split()).lower() for name in text.split(";"))


SHARE_BOOLEANS: Final = _names(
    "access based share enum; acl allow execute always; acl check permissions; acl flag inherited canonicalization; "
    "acl group control; acl map full control; administrative share; afs share; available; blocking locks; browseable; "
    "browsable; check parent directory delete on close; default devmode; delete readonly; delete veto files; dmapi "
    "support; dos filemode; dos filetime resolution; dos filetimes; durable handles; ea support; fake directory "
    "create times; fake oplocks; follow symlinks; smbd force process locks; force printername; force unknown acl "
    "user; guest ok; public; guest only; only guest; hide dot files; hide special files; hide unreadable; hide "
    "unwriteable files; honor change notify privilege; inherit acls; inherit permissions; kernel oplocks; kernel "
    "share modes; level2 oplocks; locking; map acl inherit; map archive; map hidden; map system; msdfs root; msdfs "
    "shuffle referrals; nt acl support; oplocks; posix locking; preexec close; preserve case; printable; print ok; "
    "print notify backchannel; read only; root preexec close; short preserve case; smbd async dosmode; smbd getinfo "
    "ask sharemode; smbd search ask sharemode; spotlight; store dos attributes; strict allocate; strict rename; "
    "strict sync; sync always; use client driver; use sendfile; -valid; wide links; writeable; writable; write ok"
)
"""Options of shares that are yes or no; in [global] they are for all shares."""

SHARE_OTHERS: Final = _names(
    "admin users; aio read size; aio write behind; aio write size; allocation roundup size; block size; case "
    "sensitive; casesignames; comment; copy; create mask; create mode; csc policy; cups options; default case; dfree "
    "cache time; dfree command; directory mask; directory mode; directory name cache size; dont descend; force create "
    "mode; force directory mode; force group; group; force user; fstype; hide files; hide new files timeout; hosts "
    "allow; allow hosts; hosts deny; deny hosts; include; inherit owner; invalid users; lppause command; lpq command; "
    "lpresume command; lprm command; magic output; magic script; mangled names; mangling char; map readonly; max "
    "connections; max print jobs; max reported print jobs; min print space; msdfs proxy; ntvfs handler; path; "
    "directory; postexec; preexec; exec; print command; printer name; printer; printing; printjob username; "
    "queuepause command; queueresume command; read list; root postexec; root preexec; server smb encrypt; smbd max "
    "async dosmode; smbd max xattr size; smb encrypt; spotlight backend; strict locking; valid users; veto files; "
    "veto oplock files; vfs objects; vfs object; volume; volume serial number; write list"
)
"""The other options of shares."""

GLOBAL_BOOLEANS: Final = _names(
    "allow dcerpc auth level connect; allow insecure wide links; allow nt4 crypto; allow trusted domains; allow "
    "unsafe cluster upgrade; apply group policies; async smb echo handler; auth event notification; bind interfaces "
    "only; browse list; change notify; client lanman auth; client NTLMv2 auth; client plaintext auth; client use "
    "spnego principal; client use spnego; clustering; create krb5 conf; debug class; debug encryption; debug hires "
    "timestamp; debug pid; debug prefix timestamp; debug syslog format; winbind debug traceid; debug uid; defer "
    "sharing violations; disable netbios; disable spoolss; dns proxy; dns zone scavenging; domain logons; dsdb event "
    "notification; dsdb group change notification; dsdb password event notification; enable asu support; enable core "
    "files; enable privileges; enable spoolss; encrypt passwords; enhanced browsing; getwd cache; host msdfs; "
    "hostname lookups; include system krb5 conf; kdc enable fast; kdc force enable rc4 weak session keys; kernel "
    "change notify; lanman auth; large readwrite; ldap delete dn; load printers; local master; log writeable files on "
    "exit; lsa over netlogon; multicast dns register; neutralize nt4 emulation; nmbd bind explicit broadcast; nt pipe "
    "support; nt status support; null passwords; obey pam restrictions; pam password change; passdb expand explicit; "
    "passwd chat debug; raw NTLMv2 auth; read raw; registry shares; reject md5 clients; reject md5 servers; require "
    "strong key; reset on zero vc; rpc big endian; rpc start on demand helpers; server multi channel support; server "
    "schannel require seal; show add printer wizard; smb1 unix extensions; unix extensions; smb2 disable lock "
    "sequence checking; smb2 disable oplock break retry; smb2 leases; stat cache; syslog only; time server; timestamp "
    "logs; debug timestamp; tls enabled; unicode; unix password sync; use mmap; usershare allow guests; usershare "
    "owner only; utmp; winbind enum groups; winbind enum users; winbind nested groups; winbind normalize names; "
    "winbind offline logon; winbind refresh tickets; winbind rpc only; winbind scan trusted domains; winbind sealed "
    "pipes; winbind use default domain; winbind use krb5 enterprise principals; wins proxy; wins support; write raw"
)
"""Options of [global] that are yes or no."""

GLOBAL_OTHERS: Final = _names(
    "abort shutdown script; add group script; additional dns hostnames; add machine script; addport command; "
    "addprinter command; add share command; add user script; add user to group script; afs token lifetime; afs "
    "username map; aio max threads; algorithmic rid base; allow dns updates; async dns timeout; auto services; "
    "preload; binddns dir; bind dns directory; cache directory; change share command; check password script; cldap "
    "port; client ipc max protocol; client ipc min protocol; client ipc signing; client ldap sasl wrapping; client "
    "max protocol; client min protocol; client protection; client schannel; client signing; client smb encrypt; "
    "client smb3 encryption algorithms; client smb3 signing algorithms; client use kerberos; cluster addresses; "
    "config backend; config file; ctdbd socket; ctdb locktime warn threshold; ctdb timeout; cups connection timeout; "
    "cups encrypt; cups server; dcerpc endpoint servers; deadtime; dedicated keytab file; default service; default; "
    "delete group script; deleteprinter command; delete share command; delete user from group script; delete user "
    "script; dgram port; dns forwarder; dns port; dns update command; dns zone transfer clients allow; dns zone "
    "transfer clients deny; domain master; dos charset; enumports command; eventlog list; get quota command; gpo "
    "update command; guest account; idmap backend; idmap cache time; idmap gid; winbind gid; idmap negative cache "
    "time; idmap uid; winbind uid; init logon delay; init logon delayed hosts; interfaces; iprint server; kdc default "
    "domain supported enctypes; kdc supported enctypes; keepalive; kerberos encryption types; kerberos method; "
    "kpasswd port; krb5 port; ldap admin dn; ldap connection timeout; ldap debug level; ldap debug threshold; ldap "
    "deref; ldap follow referral; ldap group suffix; ldap idmap suffix; ldap machine suffix; ldap max anonymous "
    "request size; ldap max authenticated request size; ldap max search request size; ldap page size; ldap passwd "
    "sync; ldap password sync; ldap replication sleep; ldap server require strong auth; ldap ssl; ldap suffix; ldap "
    "timeout; ldap user suffix; lm announce; lm interval; lock directory; lock dir; lock spin time; log file; "
    "logging; log level; debuglevel; log nt token command; logon drive; logon home; logon path; logon script; lpq "
    "cache time; machine password timeout; mangle prefix; mangling method; map to guest; max disk size; max log size; "
    "max mux; max open files; max smbd processes; max stat cache size; max ttl; max wins ttl; max xmit; mdns name; "
    "message command; min domain uid; min receivefile size; min wins ttl; mit kdc command; name cache timeout; name "
    "resolve order; nbt client socket address; socket address; nbt port; ncalrpc dir; netbios aliases; netbios name; "
    "netbios scope; nsupdate command; nt hash store; ntlm auth; ntp signd socket directory; old password allowed "
    "period; oplock break wait time; os2 driver map; os level; panic action; passdb backend; passwd chat; passwd chat "
    "timeout; passwd program; password hash gpg key ids; password hash userPassword schemes; password server; "
    "perfcount module; pid directory; preferred master; prefered master; prefork backoff increment; prefork children; "
    "prefork maximum backoff; preload modules; printcap cache time; printcap name; printcap; private dir; private "
    "directory; realm; remote announce; remote browse sync; rename user script; restrict anonymous; root directory; "
    "root; root dir; rpc server dynamic port range; rpc server port; samba kcc command; security; server max "
    "protocol; max protocol; protocol; server min protocol; min protocol; server role; server schannel; server "
    "services; server signing; server smb3 encryption algorithms; server smb3 signing algorithms; server string; set "
    "primary group script; set quota command; shutdown script; smb2 max credits; smb2 max read; smb2 max trans; smb2 "
    "max write; smbd profiling level; smb passwd file; smb ports; socket options; spn update command; state "
    "directory; svcctl list; syslog; template homedir; template shell; tls cafile; tls certfile; tls crlfile; tls dh "
    "params file; tls keyfile; tls priority; tls verify peer; unix charset; username level; username map; username "
    "map cache time; username map script; usershare max shares; usershare path; usershare prefix allow list; "
    "usershare prefix deny list; usershare template share; utmp directory; winbind cache time; winbindd socket "
    "directory; winbind expand groups; winbind max clients; winbind max domain connections; winbind nss info; winbind "
    "reconnect delay; winbind request timeout; winbind separator; wins hook; wins server; workgroup; wtmp directory"
)
"""The other options of [global]."""
