// Every word of the page in both languages, Chinese first.

const WORDS = {
  skip: ["跳到拨号键盘", "Skip to the keypad"],
  title: ["社会保障服务热线", "Social security hotline"],
  page_title: ["12333 热线模拟器", "12333 hotline simulator"],
  subtitle: ["模拟电话、模拟银行：一切都在这台电脑上", "A simulated phone and bank, all on this computer"],
  linked: ["实时", "Live"],
  linking: ["正在连接", "Connecting"],
  unlinked: ["连接中断，正在重连", "Connection lost, trying again"],
  phone: ["电话", "Phone"],
  screen: ["屏幕", "Screen"],
  tab_call: ["通话", "Call"],
  tab_texts: ["短信", "Texts"],
  prompts: ["对话", "Conversation"],
  quiet: ["按绿色按钮拨打。试试“社会保障卡挂失”。", "Press the green button to call. Try reporting a lost card."],
  no_texts: ["还没有短信。", "No texts yet."],
  answer: ["回复 12333", "Reply to 12333"],
  send: ["发送", "Send"],
  sent: ["已送达", "Delivered"],
  not_taken: ["热线没有接收（HTTP {0}）", "Not taken by the hotline (HTTP {0})"],
  not_sent: ["没有送达（{0}）", "Not delivered ({0})"],
  keypad: ["拨号键盘", "Keypad"],
  star: ["星号", "star"],
  hash: ["井号", "hash"],
  mute: ["静音", "Mute"],
  no_voice: ["此浏览器没有语音，只显示文字", "This browser has no voice: text only"],
  fast: ["快进", "Fast"],
  fast_hint: ["提示音八倍速，不朗读", "Prompts pass eight times as fast, unspoken"],
  call: ["拨打 12333", "Call 12333"],
  hang_up: ["挂断", "Hang up"],
  call_time: ["通话时长", "Call time"],
  keys_hint: ["也可以用键盘：0–9、*、#。X 键等于 *。", "The keyboard works too: 0–9, *, #. X means *."],
  state_idle: ["未通话", "No call"],
  state_new: ["正在拨号", "Dialling"],
  state_playing: ["正在播报", "Speaking"],
  state_prompting: ["请听，可直接按键", "Speaking; you may press keys"],
  state_listening: ["请按键", "Waiting for keys"],
  state_recording: ["正在录音", "Recording"],
  state_ringing: ["正在转接", "Transferring"],
  state_bridged: ["人工坐席已接听", "A person is on the line"],
  state_queued: ["排队等候", "In the queue"],
  state_ended: ["通话结束", "Call ended"],
  ended: ["通话结束", "Call ended"],
  ended_line: ["热线挂断", "The hotline hung up"],
  ended_caller: ["您已挂断", "You hung up"],
  silence: ["（没有按键）", "(no key pressed)"],
  dialled: ["正在转接人工坐席", "Transferring to a person"],
  connected: ["人工坐席已接听", "A person has answered"],
  not_connected: ["人工坐席无人接听", "Nobody answered"],
  far_left: ["人工坐席已挂断", "The person hung up"],
  queued: ["排队等候", "In the queue"],
  played: ["播放录音", "Plays a recording"],
  people: ["演示持卡人", "Demo cardholders"],
  people_note: ["虚构人物。通话中点一下，就替您输入身份证号码。", "Made-up people. During a call, one click keys in the ID number."],
  all_people: ["全部 {0} 人", "All {0} people"],
  fewer_people: ["收起", "Show fewer"],
  tag_cards: ["{0} 张卡", "{0} cards"],
  tag_minor: ["未满16岁", "Under 16"],
  tag_x: ["尾号X", "Ends in X"],
  tag_0: ["未激活", "Sealed"],
  tag_2: ["已正式挂失", "Formally lost"],
  tag_3: ["已锁定", "Locked"],
  tag_4: ["已挂失", "Reported elsewhere"],
  tag_9: ["已注销", "Cancelled"],
  call_first: ["先拨打 12333，听到“请输入身份证号码”时再点。", "Call 12333 first; click when asked for the ID number."],
  case: ["挂失记录", "Loss report"],
  case_note: ["热线在 Redis 里记下的内容，实时显示", "What the hotline keeps in Redis, live"],
  case_none: ["还没有挂失。拨打 12333，按 1，输入身份证号码，再按 1 确认。", "Nothing reported yet. Call 12333, press 1, key in an ID number and confirm with 1."],
  case_unreachable: ["Redis 没有响应，正在重试", "Redis does not answer; trying again"],
  social: ["社保功能", "Social security function"],
  social_active: ["正常", "Active"],
  social_suspended: ["已停用", "Suspended"],
  social_formal: ["已停用，至补卡为止", "Suspended until replaced"],
  social_released: ["已自动恢复", "Active again"],
  until: ["北京时间 {0} 自动恢复", "Comes back by itself {0}, Beijing time"],
  released_note: ["七天已到，键已消失，社保功能恢复", "The seven days are over and the key is gone"],
  no_report_note: ["这张卡没有挂失", "This card is not reported lost"],
  formal_note: ["银行受理了正式挂失，没有期限", "A formal report at the bank has no end"],
  left: ["还剩", "Left"],
  days: ["{0} 天 {1}", "{0} d {1}"],
  seven_days: ["七天之后", "Seven days later"],
  seven_days_note: ["把这个键的剩余时间改成 1 秒；其余由热线自己完成", "Shortens this key's life to 1 s; the hotline does the rest"],
  financial: ["银行功能", "Bank function"],
  block_none: ["正常", "Active"],
  block_notified: ["已通知，等银行答复", "Notified, waiting for the bank"],
  block_received: ["银行已收到，尚未停用", "Received, not blocked yet"],
  block_blocked: ["银行已停用", "Blocked by the bank"],
  block_refused: ["银行拒绝，卡没有停用", "Refused: NOT blocked"],
  block_undeliverable: ["通知不到银行，卡没有停用", "Undeliverable: NOT blocked"],
  block_unblocked: ["已在网点解挂", "Unblocked at an outlet"],
  block_formal_loss: ["正式挂失，停用至补卡", "Formal loss: blocked until replaced"],
  block_withdrawn: ["挂失已撤销，银行没有确认停用", "Withdrawn before the bank said blocked"],
  block_lapsed: ["银行停用到期，卡没有停用", "Lapsed: NOT blocked"],
  block_replaced: ["已换新卡", "The card was replaced"],
  block_note_lapsed: ["可再次挂失", "The card may be reported again"],
  block_note_replaced: ["旧卡的记录已结束", "What was known of the old card is over"],
  block_note_none: ["没有需要通知银行的事", "Nothing to tell the bank"],
  block_note_notified: ["银行说“已停用”之前，热线不会说已停用", "Never called blocked before the bank says so"],
  block_note_received: ["银行稍后用事件告知结果", "The bank will tell the result later"],
  block_note_blocked: ["七天后不会自动恢复，须本人到网点解挂", "Stays blocked after the seven days, until unblocked at an outlet"],
  block_note_refused: ["需要工作人员处理", "A person must look"],
  block_note_undeliverable: ["需要工作人员处理", "A person must look"],
  block_note_unblocked: ["银行核验身份证件后解挂，并告知热线", "The bank checked the ID, unblocked, and told the hotline"],
  block_note_withdrawn: ["热线不再要求停用", "Nobody asks for a block any more"],
  block_note_formal_loss: ["只能在银行柜台凭证件办理", "Only at the bank's counter, in person"],
  step_notified: ["已通知", "Notified"],
  step_received: ["已收到", "Received"],
  step_blocked: ["已停用", "Blocked"],
  report_number: ["挂失编号", "Report number"],
  report_state: ["状态", "State"],
  report_active: ["生效中", "active"],
  report_released: ["已到期", "released"],
  report_withdrawn: ["已撤销", "withdrawn"],
  report_closed: ["已换新卡", "replaced"],
  report_superseded: ["已被后来的挂失取代", "superseded by a later report"],
  card: ["卡号尾号", "Card ending"],
  key: ["Redis 键", "Redis key"],
  ttl: ["TTL", "TTL"],
  ttl_gone: ["键不存在", "no such key"],
  ttl_endless: ["没有期限", "no end"],
  seconds: ["{0} 秒", "{0} s"],
  reported_at: ["挂失时间", "Reported"],
  notices: ["通知与每次尝试", "Notices and every attempt"],
  kind_reported: ["通知银行：停用", "To the bank: block"],
  kind_released: ["通知银行：已到期", "To the bank: released"],
  kind_disputed: ["通知银行：持卡人有异议", "To the bank: disputed"],
  kind_withdrawn: ["通知银行：挂失已撤销", "To the bank: withdrawn"],
  kind_ping: ["测试", "Ping"],
  kind_text: ["短信给持卡人", "Text to the holder"],
  notice_open: ["待送达", "open"],
  notice_delivered: ["已送达", "delivered"],
  notice_refused: ["被拒绝", "refused"],
  notice_undeliverable: ["无法送达", "undeliverable"],
  notice_closed: ["已不需要", "no longer needed"],
  attempt: ["第 {0} 次", "Attempt {0}"],
  no_answer: ["没有答复", "no answer"],
  outcome_received: ["已收到", "received"],
  outcome_blocked: ["已停用", "blocked"],
  outcome_refused: ["拒绝", "refused"],
  outcome_failed: ["失败", "failed"],
  next_try: ["{0} 秒后再试", "again in {0} s"],
  trying: ["正在送", "on its way"],
  bank: ["银行柜台", "Bank counter"],
  bank_note: ["模拟的合作银行。您就是柜员。", "Sandbox banks. You are the teller."],
  bank_unreachable: ["模拟银行没有响应，正在重试", "The sandbox bank does not answer; trying again"],
  choose_bank: ["选择银行", "Choose a bank"],
  behaviour: ["银行系统现在", "The bank's system is"],
  behaviour_normal: ["正常", "normal"],
  behaviour_slow: ["缓慢", "slow"],
  behaviour_failing: ["故障", "failing"],
  behaviour_down: ["停机", "down"],
  behaviour_note_slow: ["3 秒", "3 s"],
  behaviour_note_failing: ["503", "503"],
  behaviour_other: ["特殊设置：{0}", "special: {0}"],
  accounts: ["账户", "Accounts"],
  account_active: ["正常", "active"],
  account_blocked: ["已停用", "blocked"],
  account_formal: ["正式挂失", "formal loss"],
  account_of: ["卡尾号 {0} · 账户尾号 {1}", "Card {0} · account {1}"],
  unblock: ["解挂", "Unblock"],
  formal_loss: ["正式挂失", "Formal loss"],
  "withdraw-formal-loss": ["撤销正式挂失", "Withdraw formal loss"],
  "take-report": ["银行客服挂失", "Lost, by the bank's line"],
  lapse: ["停用到期", "Block lapses"],
  replace: ["换新卡", "New card"],
  look_at: ["查看编号 {0}", "Look at report {0}"],
  receipts: ["收到的通知", "Notices received"],
  events: ["告诉热线的事", "Told to the hotline"],
  nothing_yet: ["暂无", "nothing yet"],
  effect_blocked: ["已停用账户", "account blocked"],
  effect_late: ["已在网点办理，不再停用", "holder was here: not blocked"],
  effect_formal: ["本已正式挂失", "formally lost already"],
  effect_noted: ["已记录", "noted"],
  effect_pong: ["测试", "ping"],
  effect_duplicate: ["重复，未再处理", "duplicate, no second effect"],
  effect_refused: ["拒绝", "refused"],
  effect_none: ["未处理", "not carried out"],
  verified: ["签名有效", "signature valid"],
  unverified: ["签名无效", "signature invalid"],
  event_blocked: ["已停用", "blocked"],
  event_unblocked: ["已解挂", "unblocked"],
  event_formal: ["正式挂失", "formal loss"],
  event_taken: ["银行客服挂失", "lost, by the bank's line"],
  event_lapsed: ["停用到期", "block lapsed"],
  event_formal_withdrawn: ["正式挂失撤销", "formal loss withdrawn"],
  event_replaced: ["换新卡", "new card"],
  event_waiting: ["待送达", "waiting"],
  event_delivered: ["已送达", "delivered"],
  event_refused: ["被拒绝", "refused"],
  turns: ["请求与 TwiML", "Requests and TwiML"],
  turns_note: ["Twilio 与热线之间的每一次往来", "All that passes between Twilio and the hotline"],
  no_turns: ["拨打后，这里会出现每一次请求。", "Every request appears here once you call."],
  sent_parameters: ["参数（空的不显示）", "Parameters (empty ones left out)"],
  answered: ["答复", "Answer"],
  no_body: ["没有内容", "no body"],
  foot: ["模拟器只在本机运行，不拨打真实电话，不停用任何真实账户。", "The simulator runs on this computer only. It calls no real phone and blocks no real account."],
};

const REMEMBERED = "language";
const listeners = [];

export let language = localStorage.getItem(REMEMBERED) === "en" ? "en" : "zh";

/** The words for a name in the present language; {0} {1} are filled in. An unknown name is shown. */
export function t(name, ...values) {
  const words = WORDS[name];
  if (!words) return name;
  return words[language === "zh" ? 0 : 1].replace(/\{(\d)\}/g, (_, place) => values[place]);
}

export const knows = (name) => name in WORDS;

/** Chinese or English half of {zh, en}. */
export const pick = (name) => name[language] || name.zh;

/** Called now and whenever the language changes. */
export function onLanguage(listener) {
  listeners.push(listener);
  listener();
}

export function speak(chosen) {
  language = chosen;
  localStorage.setItem(REMEMBERED, chosen);
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
  document.title = t("page_title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const element of document.querySelectorAll("[data-t-placeholder]")) element.placeholder = t(element.dataset.tPlaceholder);
  for (const listener of listeners) listener();
}

const BEIJING = "Asia/Shanghai";
const locale = () => (language === "zh" ? "zh-CN" : "en-GB");

/** A moment with date, Beijing time. */
export const dateTime = (unix) => new Intl.DateTimeFormat(locale(), {
  timeZone: BEIJING, month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
}).format(unix * 1000);

/** A moment of today, Beijing time. */
export const timeOfDay = (unix) => new Intl.DateTimeFormat("en-GB", {
  timeZone: BEIJING, hour: "2-digit", minute: "2-digit", second: "2-digit",
}).format(unix * 1000);
