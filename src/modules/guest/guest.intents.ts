/** Tell Genesys the newest state of the guest. */
export const HAND_OVER = 'genesys.hand-over';

/** Send a message as the guest. */
export const SEND = 'genesys.send';

/** Bring a file of the guest's to Genesys. */
export const UPLOAD = 'genesys.upload';

/** Ask Genesys anew where a file is. */
export const LOCATE = 'genesys.locate';

/** Find the conversation that a message belongs to. */
export const LINK = 'genesys.link';

/** Mark a conversation as the guest's, for those who look at it at Genesys. */
export const MARK = 'genesys.mark';

/** The topics of all intents whose subject is a guest: they go with it. */
export const GUEST_TOPICS = [HAND_OVER, SEND, UPLOAD, LOCATE, LINK, MARK] as const;

/** Erase a guest here, when its session has ended. */
export const ERASE = 'guest.erase';

/** Erase what there is of a guest in one other place. */
export const ERASE_PLACE = 'guest.erase_place';

/** Look what became of a conversation, which is the subject. */
export const FOLLOW = 'genesys.follow';
