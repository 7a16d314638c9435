export { takeReports, type InboxPorts } from './take-reports';
